-- Enqueues the message of a dead letter and deletes the dead letter.
--
-- KEYS   stream, dead letters, keys of the precondition...
-- ARGV   dead letter id, message, arguments of the precondition...
-- Reply  {'replayed' | 'missing' | 'precondition_failed', second return value of the precondition if it ran}
local stream, dead_letters = KEYS[1], KEYS[2]
local dead_letter_id, message = ARGV[1], ARGV[2]

local rows = redis.call('XRANGE', dead_letters, dead_letter_id, dead_letter_id)
if not rows[1] then
  return {'missing'}
end
local is_met, condition_reply = check_precondition(3, 3)
if not is_met then
  return {'precondition_failed', condition_reply}
end
local entry = parse(rows[1][2])
append(stream, {message = message, deliveries = 0, starts = entry.starts, on_dead = entry.on_dead})
redis.call('XDEL', dead_letters, dead_letter_id)
return {'replayed', condition_reply}
