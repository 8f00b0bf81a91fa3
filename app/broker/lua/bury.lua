-- Moves an entry to the dead letters and runs its on_dead effects. Its field l is the lane it was in.

local NOW = '\0streams-broker:now-ms\0'

-- Reads "<length>:<bytes>" (or a bare "<count>:") at pos.
local function number_at(blob, pos)
  local colon = string.find(blob, ':', pos, true)
  return tonumber(string.sub(blob, pos, colon - 1)), colon + 1
end

-- pcall, and the error goes into the letter: one bad effect must not keep a whole sweep from ending.
local function run_packed(blob, now)
  local pos, failure = 1, nil
  while pos <= #blob do
    local argc, length
    argc, pos = number_at(blob, pos)
    local call = {}
    for i = 1, argc do
      length, pos = number_at(blob, pos)
      local value = string.sub(blob, pos, pos + length - 1)
      call[i] = value == NOW and now or value
      pos = pos + length
    end
    local reply = redis.pcall(unpack(call))
    if type(reply) == 'table' and reply.err then
      failure = reply.err
    end
  end
  return failure
end

-- limits: {ttl_ms, count}
local function bury(dead, id, entry, reason, trace, limits)
  local now = string.format('%d', now_ms())
  local failure = run_packed(entry.d, now)
  redis.call('XADD', dead, '*', 'm', entry.m, 'r', reason, 't', trace, 'n', entry.n, 'a', entry.a,
    'd', entry.d, 'e', id, 'f', failure or '', 'l', entry.l)
  redis.call('XTRIM', dead, 'MAXLEN', limits.count)
  redis.call('XTRIM', dead, 'MINID', string.format('%d', now - limits.ttl_ms))
end
