-- Puts a dead letter back to work; the XDEL in the same step makes it once.
-- KEYS: stream, dead   ARGV: dead letter id, message
local rows = redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1])
if not rows[1] then
  return 0
end
local letter = parse(rows[1][2])
append(KEYS[1], {m = ARGV[2], n = 0, a = letter.a, d = letter.d})
redis.call('XDEL', KEYS[2], ARGV[1])
return 1
