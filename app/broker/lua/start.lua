-- Marks a delivery as started, in the pending entry's own counter: if its worker dies, this message is a suspect.
-- KEYS: stream   ARGV: group, consumer, entry id, mark
if not owns(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then
  return 0
end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'RETRYCOUNT', ARGV[4], 'JUSTID')
return 1
