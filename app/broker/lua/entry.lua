-- What one message is while it waits: m message, n deliveries lost, a starts, d packed on_dead effects, b born (ms).

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function append(stream, entry)
  local call = {'XADD', stream, '*', 'm', entry.m}
  for _, name in ipairs({'n', 'a', 'd', 'b'}) do
    local value = entry[name]
    if value and value ~= '' and value ~= '0' and value ~= 0 then
      call[#call + 1] = name
      call[#call + 1] = value
    end
  end
  return redis.call(unpack(call))
end

-- From the flat field list of a stream entry. A field list may be absent: the entry was deleted while pending.
local function parse(fields)
  local entry = {m = '', n = 0, a = 0, d = ''}
  for i = 1, #(fields or {}), 2 do
    entry[fields[i]] = fields[i + 1]
  end
  entry.n = tonumber(entry.n) or 0
  entry.a = tonumber(entry.a) or 0
  return entry
end

-- An entry that is to move: its first id says when it was accepted, and would be lost with it.
local function parse_to_move(id, fields)
  local entry = parse(fields)
  entry.b = entry.b or string.match(id, '^%d+')
  return entry
end

local function load(stream, id)
  local rows = redis.call('XRANGE', stream, id, id)
  return parse_to_move(id, rows[1] and rows[1][2])
end

local function remove(stream, group, id)
  redis.call('XACK', stream, group, id)
  redis.call('XDEL', stream, id)
end

local function hold_back(delayed, bodies, id, due_ms, entry)
  local head = string.format('%d %d %s %d\n', entry.n, entry.a, entry.b, #entry.d)
  redis.call('HSET', bodies, id, head .. entry.d .. entry.m)
  redis.call('ZADD', delayed, string.format('%d', due_ms), id)
end

local function unpack_held_back(body)
  local _, stop, n, a, born, length = string.find(body, '^(%d+) (%d+) (%d+) (%d+)\n')
  local split = stop + tonumber(length)
  return {n = n, a = a, b = born, d = string.sub(body, stop + 1, split), m = string.sub(body, split + 1)}
end
