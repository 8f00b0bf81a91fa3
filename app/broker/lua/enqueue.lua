-- KEYS: stream, delayed, bodies, again, dedupe key (or any other), effect keys...
-- ARGV: message, packed on_dead, when ('now' | 'in' | 'at'), ms, delayed id, max backlog or '', dedupe '1' or '', effects...
if ARGV[7] == '1' and redis.call('EXISTS', KEYS[5]) == 1 then
  return 'duplicate'
end
if ARGV[6] ~= '' then
  local backlog = redis.call('XLEN', KEYS[1]) + redis.call('XLEN', KEYS[4]) + redis.call('ZCARD', KEYS[2])
  if backlog >= tonumber(ARGV[6]) then
    return 'full'
  end
end
-- Effects first: one that fails ends the script before there is an entry without its record.
apply(8)
local entry = {m = ARGV[1], n = 0, a = 0, d = ARGV[2]}
local due = tonumber(ARGV[4])
if ARGV[3] == 'in' then
  due = due + now_ms()
end
if ARGV[3] ~= 'now' and due > now_ms() then
  hold_back(KEYS[2], KEYS[3], ARGV[5], due, entry)
else
  append(KEYS[1], entry)
end
return 'ok'
