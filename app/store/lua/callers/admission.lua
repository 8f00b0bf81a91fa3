-- Takes one token from each token bucket of a caller and checks its concurrency limit and its storage quota. Used by
-- RateLimiter (admission.py).
--
-- The file is the body of a function of keys and args, after the functions of the broker's ledgers. It runs as the
-- precondition of an enqueue, and as a separate script. A token bucket is one number: the time at which it will be full
-- again, in microseconds of the server's clock. The tokens stay taken even if the job is rejected afterwards.
--
-- keys   slots (sorted set: id of an unfinished job -> time of its submission in ms), storage ledger of the owner,
--        token buckets...
-- args   max_unfinished, bytes of the job, storage quota in bytes (all three '' to check the buckets only), slot_ttl_ms,
--        then for each bucket: microseconds per token, burst
-- Reply  whether the job is admitted, and a list: 'admitted' | 'rate_limited' | 'too_many_jobs' | 'storage_full', index
--        of the first empty bucket (0: none), bytes in storage, ms until some of them expire (-1: never), then for each
--        bucket: tokens left, microseconds until it is full, microseconds until it has one more token
local slots, storage = keys[1], keys[2]
local max_unfinished, new_bytes, quota_bytes = tonumber(args[1]), tonumber(args[2]), tonumber(args[3])
local slot_ttl_ms = tonumber(args[4])
local first_bucket_key, first_bucket_argument = 3, 5
local expired_batch, max_expired_batches = 100, 20
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]

-- A thousandth of a token more or less is a rounding error.
local function tokens_in(bucket)
  return math.floor((bucket.capacity_us - (bucket.full_at_us - now_us)) / bucket.us_per_token + 0.001)
end

local buckets, empty_bucket = {}, 0
for i = first_bucket_key, #keys do
  local argument = first_bucket_argument + 2 * (i - first_bucket_key)
  local us_per_token, burst = tonumber(args[argument]), tonumber(args[argument + 1])
  local full_at_us = math.max(now_us, tonumber(redis.call('GET', keys[i]) or '0'))
  -- More than empty: the clock was set back, or the burst was reduced. The bucket is full.
  if full_at_us > now_us + us_per_token * (burst + 1) then
    full_at_us = now_us
  end
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

local stored_bytes, next_release_ms = 0, -1
local function fits_into_storage()
  if not quota_bytes then
    return true
  end
  -- send.lua reads the quota.
  redis.call('HSET', storage, ':quota', args[3])
  -- Bounded, because Redis executes nothing else meanwhile: a later submission releases the rest.
  for _ = 1, max_expired_batches do
    local released = ledger_release_expired(storage, expired_batch)
    stored_bytes = ledger_amount(storage, ':total')
    if released < expired_batch or stored_bytes + new_bytes <= quota_bytes then
      break
    end
  end
  if stored_bytes + new_bytes <= quota_bytes then
    return true
  end
  local first = redis.call('ZRANGE', storage .. ':expiry', 0, 0, 'WITHSCORES')
  next_release_ms = first[2] and math.max(0, tonumber(first[2]) - now_us / 1000) or -1
  return false
end

local status = 'admitted'
if empty_bucket > 0 then
  status = 'rate_limited'
else
  take_tokens()
  if not has_free_slot() then
    status = 'too_many_jobs'
  elseif not fits_into_storage() then
    status = 'storage_full'
  end
end

local reply = {status, empty_bucket, stored_bytes, math.ceil(next_release_ms)}
for _, bucket in ipairs(buckets) do
  reply[#reply + 1] = math.max(0, tokens_in(bucket))
  reply[#reply + 1] = math.ceil(bucket.full_at_us - now_us)
  reply[#reply + 1] = math.max(0, math.ceil(bucket.full_at_us + bucket.us_per_token - now_us - bucket.capacity_us))
end
return status == 'admitted', reply
