-- Dead-letters an entry that this consumer owns.
--
-- KEYS   stream, dead letters, keys of the effects...
-- ARGV   group, consumer, entry id, starts, reason, traceback, dead_ttl_ms, dead_limit, lane, effects...
-- Reply  1, or 0 if the lease was lost
local stream, dead_letters = KEYS[1], KEYS[2]
local group, consumer, entry_id, starts = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local reason, traceback, lane = ARGV[5], ARGV[6], ARGV[9]
local limits = {ttl_ms = tonumber(ARGV[7]), count = tonumber(ARGV[8])}

if not owns(stream, group, consumer, entry_id) then
  return 0
end
run_effects(10)
local entry = load(stream, entry_id)
entry.deliveries = entry.deliveries + 1
entry.starts = starts
dead_letter(dead_letters, entry_id, entry, lane, reason, traceback, limits)
remove(stream, group, entry_id)
return 1
