-- Requeues or dead-letters entries whose lease has expired. One call examines a part of the pending entries: call again
-- with the returned cursor until it is '0-0'. A requeued entry has a new id, which fences its previous owner.
--
-- KEYS   stream, dead letters, redelivered stream of the same lane
-- ARGV   group, name of the reaper, lease_ms, cursor, batch size, max_deliveries, dead_ttl_ms, dead_limit,
--        delivery count that marks a started entry, lane
-- Reply  {next cursor, number of requeued entries, number of dead letters}
local stream, dead_letters, redelivered = KEYS[1], KEYS[2], KEYS[3]
local group, reaper, lease_ms, cursor, batch_size = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local max_deliveries, started_mark, lane = tonumber(ARGV[6]), tonumber(ARGV[9]), ARGV[10]
local limits = {ttl_ms = tonumber(ARGV[7]), count = tonumber(ARGV[8])}

local claimed = redis.pcall('XAUTOCLAIM', stream, group, reaper, lease_ms, cursor, 'COUNT', batch_size)
if claimed.err then
  return {'0-0', 0, 0}
end
local requeued_count, dead_count = 0, 0
for _, row in ipairs(claimed[2]) do
  local entry_id = row[1]
  local entry = parse_to_move(entry_id, row[2])
  -- The first lost delivery counts in any case. After it, start.lua marks each start, and only a started delivery
  -- counts: the worker may have been killed by another message that it held.
  local pending = redis.call('XPENDING', stream, group, entry_id, entry_id, 1)
  local times_delivered = pending[1][4]
  if entry.deliveries == 0 or times_delivered >= started_mark then
    entry.deliveries = entry.deliveries + 1
    entry.starts = entry.starts + 1
  end
  if entry.deliveries >= max_deliveries then
    local reason = 'delivered ' .. entry.deliveries .. ' times and never finished'
    dead_letter(dead_letters, entry_id, entry, lane, reason, '', limits)
    dead_count = dead_count + 1
  else
    append(redelivered, entry)
    requeued_count = requeued_count + 1
  end
  remove(stream, group, entry_id)
end
return {claimed[1], requeued_count, dead_count}
