-- KEYS: stream, dead, effect keys...
-- ARGV: group, consumer, entry id, starts, reason, traceback, dead ttl ms, dead limit, lane, effects...
if not owns(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then
  return 0
end
apply(10)
local entry = load(KEYS[1], ARGV[3])
entry.n = entry.n + 1
entry.a = tonumber(ARGV[4])
entry.l = ARGV[9]
bury(KEYS[2], ARGV[3], entry, ARGV[5], ARGV[6], {ttl_ms = tonumber(ARGV[7]), count = tonumber(ARGV[8])})
remove(KEYS[1], ARGV[1], ARGV[3])
return 1
