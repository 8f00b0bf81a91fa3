-- Returns whether the entry is pending at this consumer, because XACK does not check it. Part of all scripts that a
-- consumer calls for an entry that it holds (scripts.py).
-- pcall: the group does not exist after a flush.
local function owns(stream, group, consumer, id)
  local rows = redis.pcall('XPENDING', stream, group, id, id, 1, consumer)
  return rows.err == nil and #rows > 0
end
