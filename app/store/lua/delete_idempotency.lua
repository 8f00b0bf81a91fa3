-- Deletes an idempotency key whose job no longer exists: a key of an earlier version could outlive the record. Used by
-- Submitter (submission.py).
--
-- KEYS   idempotency key, record of the job that it names
-- ARGV   value of the key
-- Reply  1, or 0 if the job exists or the key has another value
local idempotency, record = KEYS[1], KEYS[2]

-- A hash without this field is the rest of a late write to an expired job.
if redis.call('HEXISTS', record, 'created_at_ms') == 1 or redis.call('GET', idempotency) ~= ARGV[1] then
  return 0
end
return redis.call('UNLINK', idempotency)
