-- Replaces an entry by its retry, now or after a delay, and runs effects.
--
-- KEYS   stream of the entry, delayed, delayed entries, stream of the lane, keys of the effects...
-- ARGV   group, consumer, entry id, delay in ms, message, starts, delayed id, 1 to keep the
--        count of lost deliveries (release) or 0, effects...
-- Reply  1, or 0 if the lease was lost
local stream, delayed, delayed_entries, lane_stream = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local group, consumer, entry_id, delay_ms = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local message, starts, delayed_id, is_release = ARGV[5], tonumber(ARGV[6]), ARGV[7], ARGV[8] == '1'

if not owns(stream, group, consumer, entry_id) then
  return 0
end
run_effects(9)
local previous = load(stream, entry_id)
local entry = {
  message = message, deliveries = is_release and previous.deliveries or 0, starts = starts, on_dead = previous.on_dead, created_ms = previous.created_ms,
}
if delay_ms > 0 then
  add_delayed(delayed, delayed_entries, delayed_id, now_ms() + delay_ms, entry)
else
  append(lane_stream, entry)
end
remove(stream, group, entry_id)
return 1
