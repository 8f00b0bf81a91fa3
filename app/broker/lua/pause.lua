-- Pauses a queue: its consumers receive no further entry, also those that already block.
--
-- A consumer group reads the entries after its last delivered id. The script saves that id and replaces it by the highest
-- possible one. Pending entries are not affected.
--
-- KEYS   paused, streams...
-- ARGV   group, Unix time in ms
-- Reply  1, or 0 if the queue was paused before
local paused, group, now_ms = KEYS[1], ARGV[1], ARGV[2]

if redis.call('EXISTS', paused) == 1 then
  return 0
end
for i = 2, #KEYS do
  local stream = KEYS[i]
  -- pcall: the error BUSYGROUP means that the group exists.
  redis.pcall('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
  for _, fields in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local info = {}
    for j = 1, #fields, 2 do
      info[fields[j]] = fields[j + 1]
    end
    if info.name == group then
      redis.call('HSET', paused, stream, info['last-delivered-id'])
    end
  end
  redis.call('XGROUP', 'SETID', stream, group, '18446744073709551615-18446744073709551615')
end
redis.call('HSET', paused, 'paused_at_ms', now_ms)
return 1
