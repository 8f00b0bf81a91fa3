-- Returns the oldest parked messages of a group, as many as it has free slots. Used by WebhookSlots (webhook_slots.py).
--
-- KEYS   groups with parked messages (set), slots of the group, its slow mark, its parked messages
-- ARGV   name of the group, slots of a group, slots of a slow group
-- Reply  messages...
local parked_groups, slots, slow, parked = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local name, max_slots, max_slow_slots = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')

redis.call('ZREMRANGEBYSCORE', slots, '-inf', string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)))
if redis.call('EXISTS', parked) == 0 then
  redis.call('SREM', parked_groups, name)
  return {}
end
local free = (redis.call('EXISTS', slow) == 1 and max_slow_slots or max_slots) - redis.call('ZCARD', slots)
if free <= 0 then
  return {}
end
return redis.call('ZRANGE', parked, 0, free - 1)
