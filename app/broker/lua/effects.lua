-- Runs the effects in ARGV from index `first` on and returns their replies. Part of the scripts with effects (scripts.py).
-- Layout of each effect: command, index of its key in KEYS, number of arguments, arguments.
local function run_effects(first)
  local replies, position = {}, first
  while position <= #ARGV do
    local command = {ARGV[position], KEYS[tonumber(ARGV[position + 1])]}
    local count = tonumber(ARGV[position + 2])
    for i = 1, count do
      command[2 + i] = ARGV[position + 2 + i]
    end
    replies[#replies + 1] = run_command(command)
    position = position + 3 + count
  end
  return replies
end
