-- Put the record of a job that was given up back to where it was before anybody had begun it.
-- KEYS: record, output log, line of waiting jobs   ARGV: job id, outcome of jobs that were given up, output channel
-- Returns: expired | finished (in another way) | queued (it is already, or runs) | reset
local job = redis.call('HMGET', KEYS[1], 'spec', 'result', 'created_at_ms')
if not job[1] then return 'expired' end
if not job[2] then return 'queued' end
if cjson.decode(job[2]).outcome ~= ARGV[2] then return 'finished' end
redis.call('HDEL', KEYS[1], 'result', 'finished_at_ms', 'started_at_ms', 'attempt', 'worker', 'cancel', 'input_bytes')
redis.call('PERSIST', KEYS[1])
-- Its ids go on growing, and cursors with them.
redis.call('XTRIM', KEYS[2], 'MAXLEN', 0)
redis.call('PERSIST', KEYS[2])
redis.call('ZADD', KEYS[3], job[3], ARGV[1])
redis.call('PUBLISH', ARGV[3], '')
return 'reset'
