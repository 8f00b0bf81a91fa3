-- Acknowledges an entry and runs its effects.
--
-- KEYS   stream, keys of the effects...
-- ARGV   group, consumer, entry id, effects...
-- Reply  1, or 0 if the lease was lost
local stream = KEYS[1]
local group, consumer, entry_id = ARGV[1], ARGV[2], ARGV[3]

if not owns(stream, group, consumer, entry_id) then
  return 0
end
-- The effects run first: if one fails, the entry stays pending and is delivered again.
run_effects(4)
redis.call('XACK', stream, group, entry_id)
redis.call('XDEL', stream, entry_id)
return 1
