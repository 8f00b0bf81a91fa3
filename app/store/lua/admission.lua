-- Takes one token from each token bucket of a caller and checks its concurrency limit. Used by RateLimiter
-- (admission.py).
--
-- The file is the body of a function of keys and args. It runs as the precondition of an enqueue, and as a separate
-- script. A token bucket is one number: the time at which it will be full again, in microseconds of the server's clock.
-- The tokens stay taken even if the job is rejected afterwards.
--
-- keys   slots (sorted set: id of an unfinished job -> time of its submission in ms), token buckets...
-- args   max_unfinished ('' to skip the check), slot_ttl_ms, then for each bucket: microseconds per token, burst
-- Reply  whether the job is admitted, and a list: 'admitted' | 'rate_limited' | 'too_many_jobs', index of the first
--        empty bucket (0: none), then for each bucket: tokens left, microseconds until it is full, microseconds until it
--        has one more token
local slots = keys[1]
local max_unfinished, slot_ttl_ms = tonumber(args[1]), tonumber(args[2])
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]

-- A thousandth of a token more or less is a rounding error.
local function tokens_in(bucket)
  return math.floor((bucket.capacity_us - (bucket.full_at_us - now_us)) / bucket.us_per_token + 0.001)
end

local buckets, empty_bucket = {}, 0
for i = 2, #keys do
  local us_per_token, burst = tonumber(args[2 * i - 1]), tonumber(args[2 * i])
  local full_at_us = math.max(now_us, tonumber(redis.call('GET', keys[i]) or '0'))
  local bucket = {
    key = keys[i], us_per_token = us_per_token, capacity_us = us_per_token * burst, full_at_us = full_at_us,
  }
  buckets[#buckets + 1] = bucket
  if empty_bucket == 0 and tokens_in(bucket) < 1 then
    empty_bucket = #buckets
  end
end

local function take_tokens()
  for _, bucket in ipairs(buckets) do
    bucket.full_at_us = bucket.full_at_us + bucket.us_per_token
    -- PX must be at least 1; at the highest rates a token takes less than a millisecond.
    local ttl_ms = math.max(1, math.ceil((bucket.full_at_us - now_us) / 1000))
    redis.call('SET', bucket.key, string.format('%.0f', bucket.full_at_us), 'PX', ttl_ms)
  end
end

local function has_free_slot()
  if not max_unfinished or redis.call('ZCARD', slots) < max_unfinished then
    return true
  end
  redis.call('ZREMRANGEBYSCORE', slots, '-inf', string.format('%.0f', now_us / 1000 - slot_ttl_ms))
  return redis.call('ZCARD', slots) < max_unfinished
end

local status = 'admitted'
if empty_bucket > 0 then
  status = 'rate_limited'
else
  take_tokens()
  if not has_free_slot() then
    status = 'too_many_jobs'
  end
end

local reply = {status, empty_bucket}
for _, bucket in ipairs(buckets) do
  reply[#reply + 1] = math.max(0, tokens_in(bucket))
  reply[#reply + 1] = math.ceil(bucket.full_at_us - now_us)
  reply[#reply + 1] = math.max(0, math.ceil(bucket.full_at_us + bucket.us_per_token - now_us - bucket.capacity_us))
end
return status == 'admitted', reply
