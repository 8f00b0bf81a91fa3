-- Runs the precondition of an operation on a dead letter, if it has one. Part of replay and drop (scripts.py).
-- first_key, first_argument: indexes in KEYS and ARGV of the keys and the arguments of the precondition.
-- Returns whether the operation may be carried out, and the second return value of the precondition.
local function check_precondition(first_key, first_argument)
  if #KEYS < first_key then
    return true
  end
  return precondition({unpack(KEYS, first_key)}, {unpack(ARGV, first_argument)})
end
