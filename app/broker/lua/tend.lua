-- Promotes what is due, and says whether this process should sweep.
-- KEYS: stream, delayed, bodies, sweep token, again   ARGV: group, batch, lease ms, sweep window ms (0: never sweep)
-- Returns promoted, ms until the next is due (-1: none), sweep (0 or 1).
local now = now_ms()
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', string.format('%d', now), 'LIMIT', 0, ARGV[2])
for _, id in ipairs(due) do
  local body = redis.call('HGET', KEYS[3], id)
  if body then
    append(KEYS[1], unpack_held_back(body))
  end
  redis.call('ZREM', KEYS[2], id)
  redis.call('HDEL', KEYS[3], id)
end

local next_due = -1
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if first[2] then
  next_due = math.max(0, tonumber(first[2]) - now)
end

local function expired(stream)
  local rows = redis.pcall('XPENDING', stream, ARGV[1], 'IDLE', ARGV[3], '-', '+', 1)
  return not rows.err and #rows > 0
end

local sweep = 0
if tonumber(ARGV[4]) > 0 and (expired(KEYS[1]) or expired(KEYS[5]))
  and redis.call('SET', KEYS[4], '1', 'NX', 'PX', ARGV[4]) then
  sweep = 1
end
return {#due, next_due, sweep}
