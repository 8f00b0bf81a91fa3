-- Enqueues one message together with its effects, unless it is a duplicate, its precondition is not met or the queue
-- is full.
--
-- KEYS   stream, delayed, delayed entries, dedupe key (or any key of the queue),
--        backlog streams..., backlog sorted sets..., keys of the precondition..., keys of the effects...
-- ARGV   message, on_dead, schedule ('now' | 'in' | 'at'), time (ms from now or Unix time in ms), delayed id,
--        max_backlog or '', '1' if there is a dedupe key or '', number of backlog streams, number of backlog sorted sets,
--        number of keys of the precondition, number of its arguments, arguments of the precondition..., effects...
-- Reply  {'ok' | 'duplicate' | 'full' | 'precondition_failed', second return value of the precondition if it ran}
local stream, delayed, delayed_entries, dedupe_key = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local message, on_dead, schedule, time_ms, delayed_id = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local max_backlog, has_dedupe_key = tonumber(ARGV[6]), ARGV[7] == '1'
local stream_count, set_count = tonumber(ARGV[8]), tonumber(ARGV[9])
local condition_key_count, condition_argument_count = tonumber(ARGV[10]), tonumber(ARGV[11])
local first_backlog_key, first_condition_argument = 5, 12

if has_dedupe_key and redis.call('EXISTS', dedupe_key) == 1 then
  return {'duplicate'}
end

local condition_reply
if condition_key_count > 0 then
  local first_key = first_backlog_key + stream_count + set_count
  local keys = {unpack(KEYS, first_key, first_key + condition_key_count - 1)}
  local arguments = {unpack(ARGV, first_condition_argument, first_condition_argument + condition_argument_count - 1)}
  local is_met
  is_met, condition_reply = precondition(keys, arguments)
  if not is_met then
    return {'precondition_failed', condition_reply}
  end
end

if max_backlog then
  local backlog = 0
  for i = 0, stream_count + set_count - 1 do
    backlog = backlog + redis.call(i < stream_count and 'XLEN' or 'ZCARD', KEYS[first_backlog_key + i])
  end
  if backlog >= max_backlog then
    return {'full', condition_reply}
  end
end

-- The effects run first: if one fails, the script ends before the entry exists.
run_effects(first_condition_argument + condition_argument_count)

local entry = {message = message, deliveries = 0, starts = 0, on_dead = on_dead}
if schedule ~= 'now' then
  local now = now_ms()
  local due_ms = schedule == 'in' and now + time_ms or time_ms
  if due_ms > now then
    entry.created_ms = string.format('%d', now)
    add_delayed(delayed, delayed_entries, delayed_id, due_ms, entry)
    return {'ok', condition_reply}
  end
end
append(stream, entry)
return {'ok', condition_reply}
