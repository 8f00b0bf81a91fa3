-- KEYS: the entry's stream, delayed, bodies, the lane's stream, effect keys...
-- ARGV: group, consumer, entry id, delay ms, message, starts so far, delayed id, effects...
if not owns(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then
  return 0
end
apply(8)
local before = load(KEYS[1], ARGV[3])
local entry = {m = ARGV[5], n = 0, a = tonumber(ARGV[6]), d = before.d, b = before.b}
local delay = tonumber(ARGV[4])
if delay > 0 then
  hold_back(KEYS[2], KEYS[3], ARGV[7], now_ms() + delay, entry)
else
  append(KEYS[4], entry)
end
remove(KEYS[1], ARGV[1], ARGV[3])
return 1
