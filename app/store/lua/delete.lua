-- Forget a job that has finished.
-- KEYS: record, jobs of its owner, everything else that it left...   ARGV: job id
-- Returns: unfinished | deleted
if redis.call('EXISTS', KEYS[1]) == 1 and redis.call('HEXISTS', KEYS[1], 'result') == 0 then
  return 'unfinished'
end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('UNLINK', KEYS[1], unpack(KEYS, 3))
return 'deleted'
