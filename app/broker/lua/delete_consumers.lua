-- Deletes consumers that have no pending entries. XGROUP DELCONSUMER would delete the pending entries as well.
--
-- KEYS   stream
-- ARGV   group, name of the consumer or '' for all that are idle, minimum idle time in ms, name of the reaper
-- Reply  number of deleted consumers, without the reaper
local stream = KEYS[1]
local group, name, min_idle_ms, reaper = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]

local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, group)
if consumers.err then
  return 0
end
local deleted = 0
for _, fields in ipairs(consumers) do
  local consumer = {}
  for i = 1, #fields, 2 do
    consumer[fields[i]] = fields[i + 1]
  end
  local is_selected = consumer.name == name or (name == '' and consumer.idle >= min_idle_ms)
  if is_selected and consumer.pending == 0 then
    redis.call('XGROUP', 'DELCONSUMER', stream, group, consumer.name)
    deleted = deleted + (consumer.name == reaper and 0 or 1)
  end
end
return deleted
