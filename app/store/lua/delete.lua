-- Deletes a finished job. Used by JobStore.delete (jobs.py).
--
-- KEYS   record, jobs of its owner (sorted set), other keys of the job...
-- ARGV   job_id
-- Reply  'unfinished' | 'deleted'
local record, owned = KEYS[1], KEYS[2]
local job_id = ARGV[1]

if redis.call('EXISTS', record) == 1 and redis.call('HEXISTS', record, 'result') == 0 then
  return 'unfinished'
end
redis.call('ZREM', owned, job_id)
redis.call('UNLINK', record, unpack(KEYS, 3))
return 'deleted'
