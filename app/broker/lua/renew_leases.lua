-- Renews the lease of a worker and the leases of entries that it owns.
--
-- KEYS   availability, workers, streams...
-- ARGV   group, consumer, lease_ms, then for each entry: number of its stream (the first stream is 1), entry id
-- Reply  numbers of the entries whose lease was lost (the first entry is 1)
local availability, workers = KEYS[1], KEYS[2]
local group, consumer, lease_ms = ARGV[1], ARGV[2], tonumber(ARGV[3])
local first_entry = 4

refresh_availability(availability, lease_ms)
local now = now_ms()
redis.call('ZADD', workers, string.format('%d', now), consumer)
redis.call('PEXPIRE', workers, string.format('%d', 10 * lease_ms))
redis.call('ZREMRANGEBYSCORE', workers, '-inf', string.format('(%d', now - 10 * lease_ms))

local lost = {}
for i = first_entry, #ARGV, 2 do
  local stream, entry_id = KEYS[2 + tonumber(ARGV[i])], ARGV[i + 1]
  if owns(stream, group, consumer, entry_id) then
    redis.call('XCLAIM', stream, group, consumer, 0, entry_id, 'JUSTID')
  else
    lost[#lost + 1] = (i - first_entry) / 2 + 1
  end
end
return lost
