-- Promotes what is due, and says whether this process should sweep.
-- KEYS: sweep token, then for each lane: stream, delayed, bodies, again
-- ARGV: group, batch, lease ms, sweep window ms (0: never sweep)
-- Returns promoted, ms until the next is due (-1: none, 0: there is more already), sweep (0 or 1).
local now = now_ms()

local function promote(stream, delayed, bodies)
  local due = redis.call('ZRANGEBYSCORE', delayed, '-inf', string.format('%d', now), 'LIMIT', 0, ARGV[2])
  for _, id in ipairs(due) do
    local body = redis.call('HGET', bodies, id)
    if body then
      append(stream, unpack_held_back(body))
    end
    redis.call('ZREM', delayed, id)
    redis.call('HDEL', bodies, id)
  end
  return #due
end

local function expired(stream)
  local rows = redis.pcall('XPENDING', stream, ARGV[1], 'IDLE', ARGV[3], '-', '+', 1)
  return not rows.err and #rows > 0
end

local promoted, next_due, late = 0, -1, false
for i = 2, #KEYS, 4 do
  promoted = promoted + promote(KEYS[i], KEYS[i + 1], KEYS[i + 2])
  local first = redis.call('ZRANGE', KEYS[i + 1], 0, 0, 'WITHSCORES')
  if first[2] then
    local wait = math.max(0, tonumber(first[2]) - now)
    next_due = next_due < 0 and wait or math.min(next_due, wait)
  end
  late = late or (tonumber(ARGV[4]) > 0 and (expired(KEYS[i]) or expired(KEYS[i + 3])))
end

local sweep = late and redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[4])
return {promoted, next_due, sweep and 1 or 0}
