-- Marks a pending entry as started by setting its delivery count. recover.lua reads the mark.
--
-- KEYS   stream
-- ARGV   group, consumer, entry id, delivery count that marks a started entry
-- Reply  1, or 0 if the lease was lost
local stream = KEYS[1]
local group, consumer, entry_id, started_mark = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

if not owns(stream, group, consumer, entry_id) then
  return 0
end
redis.call('XCLAIM', stream, group, consumer, 0, entry_id, 'RETRYCOUNT', started_mark, 'JUSTID')
return 1
