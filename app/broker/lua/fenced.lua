-- KEYS: stream, effect keys...   ARGV: group, consumer, entry id, effects...
if not owns(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then
  return {0}
end
return {1, apply(4)}
