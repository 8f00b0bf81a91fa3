-- KEYS: stream, delayed, bodies   ARGV: delay ms, then for each: message, delayed id
local delay = tonumber(ARGV[1])
local now = now_ms()
local due = now + delay
for i = 2, #ARGV, 2 do
  local entry = {m = ARGV[i], n = 0, a = 0, d = ''}
  if delay > 0 then
    entry.b = string.format('%d', now)
    hold_back(KEYS[2], KEYS[3], ARGV[i + 1], due, entry)
  else
    append(KEYS[1], entry)
  end
end
return 'ok'
