-- Deletes a file of an owner. If a job needs it, only the job can use it, and it is removed afterwards.
--
-- ARGV   file id, owner
-- Reply  1 if the file existed, otherwise 0
local file_id, owner = ARGV[1], ARGV[2]
if not find_file(file_id, owner) then return 0 end
if is_needed(file_id) then
  redis.call('HSET', tag .. ':file:' .. file_id, 'deleted', '1')
  redis.call('ZREM', tag .. ':files:' .. owner, file_id)
  set_expiry(file_id, now_ms)
else
  remove_file(file_id)
end
return 1
