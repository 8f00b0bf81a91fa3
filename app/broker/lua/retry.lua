-- KEYS: stream, delayed, bodies, effect keys...
-- ARGV: group, consumer, entry id, delay ms, message, starts so far, effects...
if not owns(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then
  return 0
end
apply(7)
local entry = {m = ARGV[5], n = 0, a = tonumber(ARGV[6]), d = load(KEYS[1], ARGV[3]).d}
local delay = tonumber(ARGV[4])
if delay > 0 then
  -- The entry's id is spent and unique: it serves as the delayed id.
  hold_back(KEYS[2], KEYS[3], ARGV[3], now_ms() + delay, entry)
else
  append(KEYS[1], entry)
end
remove(KEYS[1], ARGV[1], ARGV[3])
return 1
