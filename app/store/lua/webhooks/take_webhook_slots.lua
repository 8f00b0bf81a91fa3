-- Takes a slot of each group of a webhook. If a group has no free slot, it parks the message in that group instead. Used
-- by WebhookSlots (webhook_slots.py).
--
-- KEYS   groups with parked messages (set), parked messages of all groups (sorted set: message id -> time in ms at which it
--        was parked), then for each group: slots (sorted set: message id -> time at which the
--        slot expires), slow mark, parked messages (sorted set by the time of their creation)
-- ARGV   message id, message, time of its creation in ms, slots of a group, slots of a slow group, duration of a slot in
--        ms, names of the groups...
-- Reply  1, or 0 if the message was parked
local parked_groups, parked_since = KEYS[1], KEYS[2]
local message_id, message, created_ms = ARGV[1], ARGV[2], ARGV[3]
local max_slots, max_slow_slots, slot_ms = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)

local groups = {}
for i = 3, #KEYS, 3 do
  local name = ARGV[7 + (i - 3) / 3]
  groups[#groups + 1] = {slots = KEYS[i], slow = KEYS[i + 1], parked = KEYS[i + 2], name = name}
end

for _, group in ipairs(groups) do
  redis.call('ZREMRANGEBYSCORE', group.slots, '-inf', string.format('%.0f', now_ms))
  -- The message may hold a slot already: its worker was killed, and it is delivered again.
  redis.call('ZREM', group.slots, message_id)
  local limit = redis.call('EXISTS', group.slow) == 1 and max_slow_slots or max_slots
  if redis.call('ZCARD', group.slots) >= limit then
    redis.call('ZADD', group.parked, created_ms, message)
    redis.call('ZADD', parked_since, 'NX', string.format('%.0f', now_ms), message_id)
    redis.call('SADD', parked_groups, group.name)
    return 0
  end
end
for _, group in ipairs(groups) do
  redis.call('ZADD', group.slots, string.format('%.0f', now_ms + slot_ms), message_id)
  redis.call('PEXPIRE', group.slots, slot_ms)
end
return 1
