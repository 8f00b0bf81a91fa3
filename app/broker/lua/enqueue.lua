-- KEYS: stream, delayed, bodies, dedupe key (or any other), what the backlog is counted by..., the precondition's...,
--       effect keys...
-- ARGV: message, packed on_dead, when ('now' | 'in' | 'at'), ms, delayed id, max backlog or '', dedupe '1' or '',
--       streams and sorted sets among the keys, the precondition's keys and arguments: how many, the precondition's..., effects...
-- Returns: ok | duplicate | full | refused, and the precondition's reply (none if it did not run)
if ARGV[7] == '1' and redis.call('EXISTS', KEYS[4]) == 1 then
  return {'duplicate'}
end
local streams, sets = tonumber(ARGV[8]), tonumber(ARGV[9])
local condition_keys, condition_args = tonumber(ARGV[10]), tonumber(ARGV[11])
local said
if condition_keys > 0 then
  local first_key = 5 + streams + sets
  local passes
  passes, said = precondition({unpack(KEYS, first_key, first_key + condition_keys - 1)}, {unpack(ARGV, 12, 11 + condition_args)})
  if not passes then
    return {'refused', said}
  end
end
if ARGV[6] ~= '' then
  local backlog = 0
  for i = 5, 4 + streams + sets do
    backlog = backlog + redis.call(i <= 4 + streams and 'XLEN' or 'ZCARD', KEYS[i])
  end
  if backlog >= tonumber(ARGV[6]) then
    return {'full', said}
  end
end
-- Effects first: one that fails ends the script before there is an entry without its record.
apply(12 + condition_args)
local entry = {m = ARGV[1], n = 0, a = 0, d = ARGV[2]}
if ARGV[3] ~= 'now' then
  local due, now = tonumber(ARGV[4]), now_ms()
  if ARGV[3] == 'in' then
    due = due + now
  end
  if due > now then
    entry.b = string.format('%d', now)
    hold_back(KEYS[2], KEYS[3], ARGV[5], due, entry)
    return {'ok', said}
  end
end
append(KEYS[1], entry)
return {'ok', said}
