-- Promotes due messages and decides whether the caller should recover the queue.
--
-- KEYS   availability, sweep token, then for each lane: stream, delayed, delayed entries, redelivered
-- ARGV   group, batch size, lease_ms, sweep window in ms (0: promote only)
-- Reply  {number of promoted messages, ms until the next message is due (-1: none is delayed, 0: more are due),
--        1 if the caller should recover the queue or 0}
local availability, sweep_token = KEYS[1], KEYS[2]
local group, batch_size, lease_ms, window_ms = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local first_lane_key = 3
local now = now_ms()
local may_sweep = may_expire_leases(availability, lease_ms) and window_ms > 0

local function promote(stream, delayed, delayed_entries)
  local due = redis.call('ZRANGEBYSCORE', delayed, '-inf', string.format('%d', now), 'LIMIT', 0, batch_size)
  for _, id in ipairs(due) do
    local packed = redis.call('HGET', delayed_entries, id)
    if packed then
      append(stream, cmsgpack.unpack(packed))
    end
    redis.call('ZREM', delayed, id)
    redis.call('HDEL', delayed_entries, id)
  end
  return #due
end

local function has_expired_lease(stream)
  local rows = redis.pcall('XPENDING', stream, group, 'IDLE', lease_ms, '-', '+', 1)
  return not rows.err and #rows > 0
end

-- Starts the leases of all pending entries anew.
local function restart_leases(stream)
  local start = '-'
  repeat
    local rows = redis.pcall('XPENDING', stream, group, start, '+', 1000)
    if rows.err then
      return
    end
    for _, row in ipairs(rows) do
      redis.call('XCLAIM', stream, group, row[2], 0, row[1], 'JUSTID')
      start = '(' .. row[1]
    end
  until #rows < 1000
end

local was_set_back = redis.call('HDEL', availability, 'set_back') == 1
if was_set_back then
  redis.call('DEL', sweep_token)  -- otherwise, no process sweeps until the clock has caught up
end
local promoted, next_due_ms, is_recovery_due = 0, -1, false
for i = first_lane_key, #KEYS, 4 do
  local stream, delayed, delayed_entries, redelivered = KEYS[i], KEYS[i + 1], KEYS[i + 2], KEYS[i + 3]
  if was_set_back then
    restart_leases(stream)
    restart_leases(redelivered)
  end
  promoted = promoted + promote(stream, delayed, delayed_entries)
  local first = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
  if first[2] then
    local wait_ms = math.max(0, tonumber(first[2]) - now)
    next_due_ms = next_due_ms < 0 and wait_ms or math.min(next_due_ms, wait_ms)
  end
  is_recovery_due = is_recovery_due or (may_sweep and (has_expired_lease(stream) or has_expired_lease(redelivered)))
end

-- One process sweeps in each window.
local should_sweep = is_recovery_due and redis.call('SET', sweep_token, '1', 'NX', 'PX', window_ms)
return {promoted, next_due_ms, should_sweep and 1 or 0}
