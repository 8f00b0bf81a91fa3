-- Ends an upload that has failed.
--
-- ARGV   file id, owner
local file_id, owner = ARGV[1], ARGV[2]
redis.call('ZREM', tag .. ':file-uploads', file_id)
if redis.call('EXISTS', tag .. ':file:' .. file_id) == 0 then
  redis.call('SADD', unused_blobs, file_id)
  ledger_set(tag .. ':file-storage:' .. owner, file_id, 0)
  ledger_set(all_storage, file_id, 0)
end
