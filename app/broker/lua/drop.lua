-- Deletes a dead letter.
--
-- KEYS   dead letters, keys of the precondition...
-- ARGV   dead letter id, arguments of the precondition...
-- Reply  {'dropped' | 'missing' | 'precondition_failed', second return value of the precondition if it ran}
local dead_letters, dead_letter_id = KEYS[1], ARGV[1]

if #redis.call('XRANGE', dead_letters, dead_letter_id, dead_letter_id) == 0 then
  return {'missing'}
end
local is_met, condition_reply = check_precondition(2, 2)
if not is_met then
  return {'precondition_failed', condition_reply}
end
redis.call('XDEL', dead_letters, dead_letter_id)
return {'dropped', condition_reply}
