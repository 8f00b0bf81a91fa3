-- Marks pending entries as started by setting their delivery count. recover.lua reads the mark.
--
-- KEYS   streams...
-- ARGV   group, consumer, delivery count that marks a started entry,
--        then for each entry: number of its stream (the first stream is 1), entry id
-- Reply  numbers of the entries whose lease was lost (the first entry is 1)
local group, consumer, started_mark = ARGV[1], ARGV[2], ARGV[3]
local first_entry = 4

local lost = {}
for i = first_entry, #ARGV, 2 do
  local stream, entry_id = KEYS[tonumber(ARGV[i])], ARGV[i + 1]
  if owns(stream, group, consumer, entry_id) then
    redis.call('XCLAIM', stream, group, consumer, 0, entry_id, 'RETRYCOUNT', started_mark, 'JUSTID')
  else
    lost[#lost + 1] = (i - first_entry) / 2 + 1
  end
end
return lost
