-- Enqueues the message of a dead letter and deletes the dead letter.
--
-- KEYS   stream, dead letters
-- ARGV   dead letter id, message
-- Reply  1, or 0 if the dead letter does not exist
local stream, dead_letters = KEYS[1], KEYS[2]
local dead_letter_id, message = ARGV[1], ARGV[2]

local rows = redis.call('XRANGE', dead_letters, dead_letter_id, dead_letter_id)
if not rows[1] then
  return 0
end
local entry = parse(rows[1][2])
append(stream, {message = message, deliveries = 0, starts = entry.starts, on_dead = entry.on_dead})
redis.call('XDEL', dead_letters, dead_letter_id)
return 1
