-- create_link.lua: store a short link, unless a quota is reached.
--
-- KEYS  link, owned_links, link_expiry, link_bytes
-- ARGV  id, account, fragment, now_ms, expires_at_ms, max_links, max_bytes
-- Reply 'created' | 'account' (the account has max_links) | 'service' (all links have max_bytes)
local link, owned_links, link_expiry, link_bytes = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, account, fragment = ARGV[1], ARGV[2], ARGV[3]
local now_ms, expires_at_ms = tonumber(ARGV[4]), tonumber(ARGV[5])
local max_links, max_bytes = tonumber(ARGV[6]), tonumber(ARGV[7])

-- Each call removes more entries than it adds, so that the sets do not grow.
for _, entry in ipairs(redis.call('ZRANGEBYSCORE', link_expiry, '-inf', now_ms, 'LIMIT', 0, 100)) do
  redis.call('ZREM', link_expiry, entry)
  redis.call('DECRBY', link_bytes, string.match(entry, ':(%d+)$'))
end
redis.call('ZREMRANGEBYSCORE', owned_links, '-inf', now_ms)

if redis.call('ZCARD', owned_links) >= max_links then return 'account' end
if tonumber(redis.call('GET', link_bytes) or 0) + #fragment > max_bytes then return 'service' end

redis.call('HSET', link, 'account', account, 'fragment', fragment, 'created_ms', now_ms)
redis.call('PEXPIREAT', link, expires_at_ms)
redis.call('ZADD', owned_links, expires_at_ms, id)
redis.call('PEXPIREAT', owned_links, expires_at_ms, 'GT')
redis.call('PEXPIREAT', owned_links, expires_at_ms, 'NX')
redis.call('ZADD', link_expiry, expires_at_ms, id .. ':' .. #fragment)
redis.call('INCRBY', link_bytes, #fragment)
return 'created'
