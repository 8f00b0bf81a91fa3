-- KEYS: stream, effect keys...   ARGV: group, consumer, entry id, effects...
if not owns(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then
  return 0
end
-- Effects first: one that fails leaves the entry pending, so that the message is not lost with its result.
apply(4)
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
return 1
