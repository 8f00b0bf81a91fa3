-- Resets the record of a dead-lettered job to the state queued. Used by requeue_record (administration.py).
--
-- KEYS   record, output log, queue positions (sorted set)
-- ARGV   job_id, outcome of dead-lettered jobs, output channel
-- Reply  'expired' | 'finished' (with another outcome) | 'queued' (it is queued or running already) | 'reset'
local record, output_log, positions = KEYS[1], KEYS[2], KEYS[3]
local job_id, dead_outcome, output_channel = ARGV[1], ARGV[2], ARGV[3]

local fields = redis.call('HMGET', record, 'spec', 'result', 'created_at_ms')
local spec, result, created_at_ms = fields[1], fields[2], fields[3]
if not spec then return 'expired' end
if not result then return 'queued' end
if cjson.decode(result).outcome ~= dead_outcome then return 'finished' end

redis.call('HDEL', record, 'result', 'finished_at_ms', 'started_at_ms', 'attempt', 'worker', 'cancel', 'input_bytes')
redis.call('PERSIST', record)
-- XTRIM, unlike DEL, keeps the ids increasing, and with them the cursors.
redis.call('XTRIM', output_log, 'MAXLEN', 0)
redis.call('PERSIST', output_log)
redis.call('ZADD', positions, created_at_ms, job_id)
redis.call('PUBLISH', output_channel, '')
return 'reset'
