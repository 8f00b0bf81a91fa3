-- Deletes a finished job. Used by JobStore.delete (jobs.py), after the functions of the broker's ledgers.
--
-- KEYS   record, jobs of its owner (sorted set), storage ledger of its owner, other keys of the job...
-- ARGV   job_id, ledger entry of its output, prefix of idempotency keys
-- Reply  'unfinished' | 'deleted'
local record, owned, storage = KEYS[1], KEYS[2], KEYS[3]
local job_id, output_entry, idempotency_prefix = ARGV[1], ARGV[2], ARGV[3]

if redis.call('EXISTS', record) == 1 and redis.call('HEXISTS', record, 'result') == 0 then
  return 'unfinished'
end
local idempotency = redis.call('HGET', record, 'idempotency')
if idempotency then
  redis.call('UNLINK', idempotency_prefix .. idempotency)
end
redis.call('ZREM', owned, job_id)
redis.call('UNLINK', record, unpack(KEYS, 4))
ledger_set(storage, job_id, 0)
ledger_set(storage, output_entry, 0)
return 'deleted'
