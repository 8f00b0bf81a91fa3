-- Runs the effects that stand in ARGV from `at` on: command, index into KEYS, argument count, arguments.
local function apply(at)
  local replies = {}
  while at <= #ARGV do
    local call = {ARGV[at], KEYS[tonumber(ARGV[at + 1])]}
    local count = tonumber(ARGV[at + 2])
    for i = 1, count do
      call[2 + i] = ARGV[at + 2 + i]
    end
    replies[#replies + 1] = redis.call(unpack(call))
    at = at + 3 + count
  end
  return replies
end
