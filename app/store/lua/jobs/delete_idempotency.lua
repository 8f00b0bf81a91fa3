-- Deletes an idempotency key whose job no longer exists: a key of an earlier version could outlive the record. Used by
-- Submitter (submission.py).
--
-- KEYS   idempotency key, record of the job that it names
-- ARGV   value of the key
-- Reply  1 if the job does not exist, otherwise 0
local idempotency, record = KEYS[1], KEYS[2]

-- A hash without this field is the rest of a late write to an expired job.
if redis.call('HEXISTS', record, 'created_at_ms') == 1 then
  return 0
end
-- Another value names another job: the key was used again meanwhile.
if redis.call('GET', idempotency) == ARGV[1] then
  redis.call('UNLINK', idempotency)
end
return 1
