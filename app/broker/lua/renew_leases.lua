-- Renews the leases of the entries that this consumer owns.
--
-- KEYS   stream
-- ARGV   group, consumer, entry ids...
-- Reply  ids of the entries whose lease was lost
local stream = KEYS[1]
local group, consumer = ARGV[1], ARGV[2]

local lost = {}
for i = 3, #ARGV do
  local entry_id = ARGV[i]
  if owns(stream, group, consumer, entry_id) then
    redis.call('XCLAIM', stream, group, consumer, 0, entry_id, 'JUSTID')
  else
    lost[#lost + 1] = entry_id
  end
end
return lost
