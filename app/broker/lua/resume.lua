-- Resumes a paused queue. Idle consumers notice it when their blocking read ends.
--
-- KEYS   paused, streams...
-- ARGV   group
-- Reply  1, or 0 if the queue was not paused
local paused, group = KEYS[1], ARGV[1]

if redis.call('EXISTS', paused) == 0 then
  return 0
end
for i = 2, #KEYS do
  local last_delivered_id = redis.call('HGET', paused, KEYS[i])
  if last_delivered_id then
    -- pcall: an operator may have deleted the stream. A new group starts at its first entry.
    redis.pcall('XGROUP', 'SETID', KEYS[i], group, last_delivered_id)
  end
end
redis.call('DEL', paused)
return 1
