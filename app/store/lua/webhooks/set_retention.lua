-- Extends or shortens the time for which a finished job is kept. Used by Outbox (outbox.py), after the functions of the
-- broker's ledgers.
--
-- KEYS   record, output log, artifacts
-- ARGV   job_id, seconds from now, 'GT' (extend only) | 'LT' (shorten only), outcome of dead-lettered jobs, ledger entry of
--        its output, prefix of storage ledgers, prefix of idempotency keys
-- Reply  1, or 0 if the job has not finished or has to be kept for its dead letter
local record, output_log = KEYS[1], KEYS[2]
local job_id, seconds, condition, dead_outcome, output_entry = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local storage_prefix, idempotency_prefix = ARGV[6], ARGV[7]

local fields = redis.call('HMGET', record, 'result', 'owner', 'spec', 'idempotency')
local result, owner, spec, idempotency = fields[1], fields[2], fields[3], fields[4]
if not result or not owner then
  return 0
end
-- A dead letter keeps the spec of its job until it is replayed or dropped.
if condition == 'LT' and spec and cjson.decode(result).outcome == dead_outcome then
  return 0
end
for _, key in ipairs(KEYS) do
  redis.call('EXPIRE', key, seconds, condition)
end
if idempotency then
  redis.call('EXPIRE', idempotency_prefix .. idempotency, seconds, condition)
end
local storage = storage_prefix .. owner
ledger_expire(storage, job_id, redis.call('PTTL', record))
ledger_expire(storage, output_entry, redis.call('PTTL', output_log))
return 1
