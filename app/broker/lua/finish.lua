-- Acknowledges an entry and runs its effects. Fetches the next entry for the worker thread that becomes free.
--
-- KEYS   stream, keys of the effects..., streams to fetch from...
-- ARGV   group, consumer, entry id, delivery count that marks a started entry, number of streams to fetch from, effects...
-- Reply  {1, list of at most one fetched entry; see fetch_entries.lua}, or {0} if the lease was lost
local stream = KEYS[1]
local group, consumer, entry_id, started_mark, stream_count = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])

if not owns(stream, group, consumer, entry_id) then
  return {0}
end
-- The effects run first: if one fails, the entry stays pending and is delivered again.
run_effects(6)
redis.call('XACK', stream, group, entry_id)
redis.call('XDEL', stream, entry_id)

local counts = {}
for i = 1, stream_count do
  counts[i] = 1
end
return {1, (fetch_entries(group, consumer, started_mark, #KEYS - stream_count + 1, counts))}
