-- Enqueues many messages of one lane.
--
-- KEYS   stream, delayed, delayed entries
-- ARGV   delay in ms, then for each message: message, delayed id
-- Reply  'ok'
local stream, delayed, delayed_entries = KEYS[1], KEYS[2], KEYS[3]
local delay_ms = tonumber(ARGV[1])

local now = now_ms()
for i = 2, #ARGV, 2 do
  local message, delayed_id = ARGV[i], ARGV[i + 1]
  if delay_ms > 0 then
    local entry = {message = message, deliveries = 0, starts = 0, on_dead = '', created_ms = string.format('%d', now)}
    add_delayed(delayed, delayed_entries, delayed_id, now + delay_ms, entry)
  else
    redis.call('XADD', stream, '*', 'message', message)
  end
end
return 'ok'
