-- Resets the record of a dead-lettered job to the state queued. Used by requeue_record (administration.py), after the
-- functions of the broker's ledgers.
--
-- KEYS   record, output log, queue positions (sorted set), storage ledger of its owner
-- ARGV   job_id, outcome of dead-lettered jobs, output channel, ledger entry of its output
-- Reply  'expired' | 'finished' (with another outcome) | 'queued' (it is queued or running already) | 'reset'
local record, output_log, positions, storage = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local job_id, dead_outcome, output_channel, output_entry = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local fields = redis.call('HMGET', record, 'spec', 'result', 'created_at_ms')
local spec, result, created_at_ms = fields[1], fields[2], fields[3]
if not created_at_ms then return 'expired' end
if not result then return 'queued' end
-- A finished job has no spec, except that a dead-lettered one keeps it.
if not spec or cjson.decode(result).outcome ~= dead_outcome then return 'finished' end

redis.call('HDEL', record, 'result', 'finished_at_ms', 'started_at_ms', 'attempt', 'worker', 'cancel', 'input_bytes')
redis.call('PERSIST', record)
-- XTRIM, unlike DEL, keeps the ids increasing, and with them the cursors.
redis.call('XTRIM', output_log, 'MAXLEN', 0)
redis.call('PERSIST', output_log)
ledger_persist(storage, job_id)
ledger_set(storage, output_entry, 0)
redis.call('ZADD', positions, created_at_ms, job_id)
redis.call('PUBLISH', output_channel, '')
return 'reset'
