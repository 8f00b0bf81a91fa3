-- Ledgers: sums of the amounts of entries, of which some expire. Part of the scripts with effects (scripts.py), and of
-- scripts of other packages (`read_ledger_lua`).
--
-- A ledger is a hash: entry -> amount, ':total' -> sum of all amounts. The sorted set '<ledger>:expiry' contains the
-- entries that expire, by Unix time in ms. Every change is idempotent, except that of ledger_add.

local function ledger_amount(ledger, entry)
  return tonumber(redis.call('HGET', ledger, entry) or '0')
end

-- An amount of 0 or less removes the entry.
local function ledger_set(ledger, entry, amount)
  local change = math.max(0, amount) - ledger_amount(ledger, entry)
  if amount > 0 then
    redis.call('HSET', ledger, entry, string.format('%.0f', amount))
  else
    redis.call('HDEL', ledger, entry)
    redis.call('ZREM', ledger .. ':expiry', entry)
  end
  if change ~= 0 then
    redis.call('HINCRBY', ledger, ':total', string.format('%.0f', change))
  end
end

local function ledger_add(ledger, entry, amount)
  ledger_set(ledger, entry, ledger_amount(ledger, entry) + amount)
end

-- Moves the amount of one entry to another.
local function ledger_move(ledger, from, to)
  local amount = ledger_amount(ledger, from)
  if amount > 0 then
    ledger_set(ledger, from, 0)
    ledger_add(ledger, to, amount)
  end
end

-- Does nothing if the entry does not exist.
local function ledger_expire(ledger, entry, ttl_ms)
  if redis.call('HEXISTS', ledger, entry) == 1 then
    local time = redis.call('TIME')
    local expires_ms = time[1] * 1000 + math.floor(time[2] / 1000) + ttl_ms
    redis.call('ZADD', ledger .. ':expiry', string.format('%.0f', expires_ms), entry)
  end
end

local function ledger_persist(ledger, entry)
  redis.call('ZREM', ledger .. ':expiry', entry)
end

-- Removes up to `count` entries that have expired. Returns their number.
local function ledger_release_expired(ledger, count)
  local time = redis.call('TIME')
  local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
  local expired = redis.call('ZRANGEBYSCORE', ledger .. ':expiry', '-inf', string.format('%.0f', now_ms), 'LIMIT', 0, count)
  for _, entry in ipairs(expired) do
    ledger_set(ledger, entry, 0)
  end
  return #expired
end
