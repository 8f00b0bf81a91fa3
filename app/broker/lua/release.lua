-- Requeues entries. The delivery does not count towards max_deliveries.
--
-- KEYS   stream, redelivered stream of the same lane
-- ARGV   group, consumer, number of starts in this delivery (0 or 1), entry ids...
-- Reply  number of released entries
local stream, redelivered = KEYS[1], KEYS[2]
local group, consumer, starts = ARGV[1], ARGV[2], tonumber(ARGV[3])

local released = 0
for i = 4, #ARGV do
  local entry_id = ARGV[i]
  if owns(stream, group, consumer, entry_id) then
    local entry = load(stream, entry_id)
    entry.starts = entry.starts + starts
    append(redelivered, entry)
    remove(stream, group, entry_id)
    released = released + 1
  end
end
return released
