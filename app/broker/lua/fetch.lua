-- Fetches and starts entries.
--
-- KEYS   streams, in the order in which they are read
-- ARGV   group, consumer, delivery count that marks a started entry, maximum number of entries of each stream...
-- Reply  list of {number of the stream, entry id, fields}; see fetch_entries.lua
local group, consumer, started_mark = ARGV[1], ARGV[2], ARGV[3]

local fetched, failure = fetch_entries(group, consumer, started_mark, 1, {unpack(ARGV, 4)})
return failure or fetched
