-- Requeues entries that were not started. Their counts do not change.
--
-- KEYS   stream, redelivered stream of the same lane
-- ARGV   group, consumer, entry ids...
-- Reply  number of released entries
local stream, redelivered = KEYS[1], KEYS[2]
local group, consumer = ARGV[1], ARGV[2]

local released = 0
for i = 3, #ARGV do
  local entry_id = ARGV[i]
  if owns(stream, group, consumer, entry_id) then
    append(redelivered, load(stream, entry_id))
    remove(stream, group, entry_id)
    released = released + 1
  end
end
return released
