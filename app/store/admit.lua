-- The body of a function of keys and args: for a script of its own, and for the precondition of an enqueue (admissions.py).
--
-- May these jobs be submitted? Takes their tokens from several buckets at once, and holds a place for each job, on the
-- server's clock. A bucket's state is one number: the time at which it will be full.
-- keys: places (sorted set: job id -> when it was let in), buckets...
-- args: jobs asked for, most places, prefix of records, how long a place is held for a job without a record (ms),
--       how many old places to look through, then for each bucket: microseconds a token, burst; then the job ids
-- Returns: whether all may; and a list: jobs let through (the first ones), what stopped the others (0 nothing, -1 places, n the n-th bucket),
--          then for each bucket: tokens left, microseconds until it is full, microseconds until there is one more token
local asked, most_places, prefix = tonumber(args[1]), tonumber(args[2]), args[3]
local grace_ms, look_at = tonumber(args[4]), tonumber(args[5])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local now_ms = math.floor(now / 1000)
local buckets = {}

-- Sums of fractions: a thousandth of a token more or less is none.
local function tokens(bucket)
  return math.floor((bucket.capacity - (bucket.full_at - now)) / bucket.interval + 0.001)
end

local through, stopped_by = asked, 0
for i = 2, #keys do
  local interval, burst = tonumber(args[2 * i + 2]), tonumber(args[2 * i + 3])
  local bucket = {key = keys[i], interval = interval, capacity = interval * burst}
  bucket.full_at = math.max(now, tonumber(redis.call('GET', keys[i]) or '0'))
  buckets[#buckets + 1] = bucket
  local left = tokens(bucket)
  if left < through then
    through, stopped_by = math.max(0, left), #buckets
  end
end

for _, bucket in ipairs(buckets) do
  if through > 0 then
    bucket.full_at = bucket.full_at + through * bucket.interval
    -- At least 1 ms: at the highest rates a token is less than the clock can tell.
    local ttl_ms = math.max(1, math.ceil((bucket.full_at - now) / 1000))
    redis.call('SET', bucket.key, string.format('%.0f', bucket.full_at), 'PX', ttl_ms)
  end
end

-- A place is given back when its job has a result. Nobody tells: it is looked up, but only once all places are taken.
local function clear()
  local old = redis.call('ZRANGE', keys[1], 0, look_at - 1, 'WITHSCORES')
  for i = 1, #old, 2 do
    local record = redis.call('HMGET', prefix .. old[i], 'created_at_ms', 'result')
    local abandoned = not record[1] and tonumber(old[i + 1]) < now_ms - grace_ms
    if record[2] or abandoned then
      redis.call('ZREM', keys[1], old[i])
    end
  end
end

if most_places - redis.call('ZCARD', keys[1]) < through then
  clear()
  local free = math.max(0, most_places - redis.call('ZCARD', keys[1]))
  if free < through then
    through, stopped_by = free, -1
  end
end
local first_id = 6 + 2 * #buckets
for i = first_id, first_id + through - 1 do
  redis.call('ZADD', keys[1], string.format('%.0f', now_ms), args[i])
end
if through > 0 then
  -- Whoever submits nothing for a day and still has unfinished jobs begins anew.
  redis.call('EXPIRE', keys[1], 86400)
end

local reply = {through, stopped_by}
for _, bucket in ipairs(buckets) do
  local one_more = bucket.full_at + bucket.interval - now - bucket.capacity
  reply[#reply + 1] = math.max(0, tokens(bucket))
  reply[#reply + 1] = math.ceil(bucket.full_at - now)
  reply[#reply + 1] = math.max(0, math.ceil(one_more))
end
return through == asked, reply
