-- delete_link.lua: delete a short link of an account.
--
-- KEYS  link, owned_links, link_expiry, link_bytes
-- ARGV  id, account
-- Reply 1, or 0 if the account has no such link
local link, owned_links, link_expiry, link_bytes = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, account = ARGV[1], ARGV[2]

if redis.call('HGET', link, 'account') ~= account then return 0 end
local size = redis.call('HSTRLEN', link, 'fragment')
redis.call('DEL', link)
redis.call('ZREM', owned_links, id)
if redis.call('ZREM', link_expiry, id .. ':' .. size) == 1 then redis.call('DECRBY', link_bytes, size) end
return 1
