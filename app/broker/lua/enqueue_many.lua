-- KEYS: stream, delayed, bodies   ARGV: delay ms, then for each: message, delayed id
local delay = tonumber(ARGV[1])
local now = now_ms()
for i = 2, #ARGV, 2 do
  if delay > 0 then
    local entry = {m = ARGV[i], n = 0, a = 0, d = '', b = string.format('%d', now)}
    hold_back(KEYS[2], KEYS[3], ARGV[i + 1], now + delay, entry)
  else
    redis.call('XADD', KEYS[1], '*', 'm', ARGV[i])
  end
end
return 'ok'
