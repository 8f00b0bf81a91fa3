-- Functions that dead-letter an entry. Part of recover and reject (scripts.py).

-- The value of effects.NOW_MS.
local NOW = '\0streams-broker:now-ms\0'

-- Reads "<number>:" at a position. Returns the number and the position after the colon.
local function read_number(packed, position)
  local colon = string.find(packed, ':', position, true)
  return tonumber(string.sub(packed, position, colon - 1)), colon + 1
end

-- Runs packed effects (effects.py) and returns the last error or nil. The command UNLESS.FIELD ends them if its hash has
-- the field.
-- pcall: an effect that fails is noted in the dead letter and does not stop the recovery of other entries.
local function run_packed_effects(packed, now)
  local position, failure = 1, nil
  while position <= #packed do
    local count, length
    count, position = read_number(packed, position)
    local command = {}
    for i = 1, count do
      length, position = read_number(packed, position)
      local value = string.sub(packed, position, position + length - 1)
      command[i] = value == NOW and now or value
      position = position + length
    end
    if command[1] == 'UNLESS.FIELD' then
      command[1] = 'HEXISTS'
    end
    local has_run, reply = pcall(run_command, command)
    if not has_run then
      failure = type(reply) == 'table' and reply.err or tostring(reply)
    elseif command[1] == 'HEXISTS' and reply == 1 then
      break
    end
  end
  return failure
end

-- Runs the on_dead effects of an entry and adds the dead letter. Does not remove the entry from its stream.
-- limits: {ttl_ms, count}
local function dead_letter(dead_letters, id, entry, lane, reason, traceback, limits)
  local now = string.format('%d', now_ms())
  local failure = run_packed_effects(entry.on_dead, now)
  redis.call('XADD', dead_letters, '*', 'message', entry.message, 'reason', reason, 'traceback', traceback,
    'deliveries', entry.deliveries, 'starts', entry.starts, 'on_dead', entry.on_dead, 'entry_id', id,
    'effects_error', failure or '', 'lane', lane)
  redis.call('XTRIM', dead_letters, 'MAXLEN', limits.count)
  redis.call('XTRIM', dead_letters, 'MINID', string.format('%d', now - limits.ttl_ms))
end
