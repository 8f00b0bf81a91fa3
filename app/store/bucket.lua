-- A token bucket in one call, on the server's clock. The state is one number: the time at which the bucket will be full.
-- KEYS: bucket   ARGV: microseconds a token, burst, cost
-- Returns: tokens left, microseconds until it is full, microseconds until the request may pass (0: it may now)
local interval, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full_at = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
local capacity = burst * interval
local wanted = full_at + cost * interval
if wanted - now > capacity then
  -- Rounded up: a reply is a whole number, and 0 would say that the request may pass.
  return {math.floor((capacity - (full_at - now)) / interval), full_at - now, math.ceil(wanted - now - capacity)}
end
-- At least 1 ms: at the highest rates a token is less than the clock can tell.
redis.call('SET', KEYS[1], string.format('%.0f', wanted), 'PX', math.max(1, math.ceil((wanted - now) / 1000)))
return {math.floor((capacity - (wanted - now)) / interval), wanted - now, 0}
