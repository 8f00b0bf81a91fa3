-- Requeues or dead-letters entries whose lease has expired by the rule in recovery_rule.lua. One call examines a part of the
-- pending entries: call again with the returned cursor until it is '0-0'. A requeued entry has a new id, which fences its previous owner.
--
-- KEYS   stream, dead letters, redelivered stream of the same lane, availability
-- ARGV   group, name of the reaper, lease_ms, cursor, batch size, max_deliveries, dead_ttl_ms, dead_limit,
--        delivery count that marks a started entry, lane
-- Reply  {next cursor, number of requeued entries, number of dead letters}
local stream, dead_letters, redelivered, availability = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local group, reaper, lease_ms, cursor, batch_size = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local max_deliveries, started_mark, lane = tonumber(ARGV[6]), tonumber(ARGV[9]), ARGV[10]
local limits = {ttl_ms = tonumber(ARGV[7]), count = tonumber(ARGV[8])}

if not may_expire_leases(availability, lease_ms) then
  return {'0-0', 0, 0}
end
local claimed = redis.pcall('XAUTOCLAIM', stream, group, reaper, lease_ms, cursor, 'COUNT', batch_size)
if claimed.err then
  return {'0-0', 0, 0}
end
local requeued_count, dead_count = 0, 0
for _, row in ipairs(claimed[2]) do
  local entry_id = row[1]
  local entry = parse_to_move(entry_id, row[2])
  -- A delivery counts only if the message was started in it: start.lua marks the entry.
  local pending = redis.call('XPENDING', stream, group, entry_id, entry_id, 1)
  local was_started = pending[1][4] >= started_mark
  if was_started then
    entry.deliveries = entry.deliveries + 1
    entry.starts = entry.starts + 1
  end
  if was_started and entry.deliveries >= max_deliveries then
    local reason = 'started ' .. entry.deliveries .. ' times and never finished'
    dead_letter(dead_letters, entry_id, entry, lane, reason, '', limits)
    dead_count = dead_count + 1
  else
    append(redelivered, entry)
    requeued_count = requeued_count + 1
  end
  remove(stream, group, entry_id)
end
return {claimed[1], requeued_count, dead_count}
