-- Deletes consumers, but none with anything pending: deleting one would delete its pending entries with it.
-- KEYS: stream   ARGV: group, consumer (or '' for all that were silent), silent for at least ms, the reaper's name
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
if consumers.err then
  return 0
end
local removed = 0
for _, flat in ipairs(consumers) do
  local row = {}
  for i = 1, #flat, 2 do
    row[flat[i]] = flat[i + 1]
  end
  local chosen = row.name == ARGV[2] or (ARGV[2] == '' and row.idle >= tonumber(ARGV[3]))
  if chosen and row.pending == 0 then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], row.name)
    removed = removed + (row.name == ARGV[4] and 0 or 1)
  end
end
return removed
