-- One bounded step over the pending entries whose lease ran out. The new id is what fences the old owner.
-- KEYS: the entries' stream, dead, again
-- ARGV: group, reaper, lease ms, cursor, batch, max deliveries, dead ttl ms, dead limit, start mark, lane
-- Returns next cursor, requeued, dead.
local claimed = redis.pcall('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], 'COUNT', ARGV[5])
if claimed.err then
  return {'0-0', 0, 0}
end
local limits = {ttl_ms = tonumber(ARGV[7]), count = tonumber(ARGV[8])}
local requeued, dead = 0, 0
for _, row in ipairs(claimed[2]) do
  local entry = parse_to_move(row[1], row[2])
  entry.l = ARGV[10]
  -- Lost once, a message is a suspect, and from then on its starts are marked. A suspect that was not started this
  -- time only waited beside the one that kills workers: that does not count.
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], row[1], row[1], 1)
  if entry.n == 0 or pending[1][4] >= tonumber(ARGV[9]) then
    entry.n = entry.n + 1
    entry.a = entry.a + 1
  end
  if entry.n >= tonumber(ARGV[6]) then
    bury(KEYS[2], row[1], entry, 'delivered ' .. entry.n .. ' times and never finished', '', limits)
    dead = dead + 1
  else
    append(KEYS[3], entry)
    requeued = requeued + 1
  end
  remove(KEYS[1], ARGV[1], row[1])
end
return {claimed[1], requeued, dead}
