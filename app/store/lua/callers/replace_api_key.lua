-- Replaces a stored API key, unless it was revoked or changed in the meantime.
--
-- KEYS   API keys
-- ARGV   id, expected value, new value
-- Reply  1, or 0 if the stored value is another one
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
