-- Functions for the entries of a stream and of the delayed set. Part of most scripts (scripts.py).
--
-- Fields of an entry (a field with its default value is not stored in the stream):
--   message     encoded Dramatiq message
--   deliveries  deliveries that were lost; default 0
--   starts      number of times that the message was started; default 0
--   on_dead     packed effects, see effects.py; default ''
--   created_ms  Unix time at which the message was accepted; default: the time in the entry id

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function append(stream, entry)
  local command = {'XADD', stream, '*', 'message', entry.message}
  for _, name in ipairs({'deliveries', 'starts', 'on_dead', 'created_ms'}) do
    local value = entry[name]
    if value and value ~= '' and value ~= '0' and value ~= 0 then
      command[#command + 1] = name
      command[#command + 1] = value
    end
  end
  return redis.call(unpack(command))
end

-- fields: flat list of names and values; nil if the entry was deleted while it was pending.
local function parse(fields)
  local entry = {message = '', deliveries = 0, starts = 0, on_dead = ''}
  for i = 1, #(fields or {}), 2 do
    entry[fields[i]] = fields[i + 1]
  end
  entry.deliveries = tonumber(entry.deliveries) or 0
  entry.starts = tonumber(entry.starts) or 0
  return entry
end

-- Parses an entry that gets a new id: the time in the old id must be kept.
local function parse_to_move(id, fields)
  local entry = parse(fields)
  entry.created_ms = entry.created_ms or string.match(id, '^%d+')
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

local function add_delayed(delayed, delayed_entries, id, due_ms, entry)
  redis.call('HSET', delayed_entries, id, cmsgpack.pack(entry))
  redis.call('ZADD', delayed, string.format('%d', due_ms), id)
end
