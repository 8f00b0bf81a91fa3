-- Deletes the source and the inputs of a dead-lettered job that can no longer be replayed. Used by Administration.drop
-- (administration.py).
--
-- The file is the body of a function of keys and args, after the functions of the broker's ledgers. It runs in the script
-- that deletes the dead letter.
--
-- keys   record, storage ledger of its owner
-- args   job_id, outcome of dead-lettered jobs
-- Reply  true
local record, storage = keys[1], keys[2]
local job_id, dead_outcome = args[1], args[2]

local result = redis.call('HGET', record, 'result')
-- An API returns the source of the jobs that it stored in the field `foreign` of the record.
if not result or cjson.decode(result).outcome ~= dead_outcome or redis.call('HEXISTS', record, 'foreign') == 1 then
  return true
end
local deleted_bytes = redis.call('HSTRLEN', record, 'spec')
redis.call('HDEL', record, 'spec')
ledger_add(storage, job_id, -deleted_bytes)
return true
