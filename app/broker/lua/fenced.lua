-- Runs effects if this consumer owns the entry.
--
-- KEYS   stream, keys of the effects...
-- ARGV   group, consumer, entry id, effects...
-- Reply  {1, replies of the effects}, or {0} if the lease was lost
local stream = KEYS[1]
local group, consumer, entry_id = ARGV[1], ARGV[2], ARGV[3]

if not owns(stream, group, consumer, entry_id) then
  return {0}
end
return {1, run_effects(4)}
