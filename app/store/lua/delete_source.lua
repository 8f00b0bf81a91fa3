-- Deletes the source and the inputs of a dead-lettered job that can no longer be replayed. Used by
-- delete_source_of_dead_job (administration.py), after the functions of the broker's ledgers.
--
-- KEYS   record, storage ledger of its owner
-- ARGV   job_id, outcome of dead-lettered jobs
-- Reply  number of deleted bytes
local record, storage = KEYS[1], KEYS[2]
local job_id, dead_outcome = ARGV[1], ARGV[2]

local result = redis.call('HGET', record, 'result')
-- An API returns the source of the jobs that it stored in the field `foreign` of the record.
if not result or cjson.decode(result).outcome ~= dead_outcome or redis.call('HEXISTS', record, 'foreign') == 1 then
  return 0
end
local deleted_bytes = redis.call('HSTRLEN', record, 'spec')
redis.call('HDEL', record, 'spec')
ledger_add(storage, job_id, -deleted_bytes)
return deleted_bytes
