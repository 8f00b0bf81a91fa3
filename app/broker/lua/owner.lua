-- Is this entry pending, and pending at this consumer? XACK would not ask.
-- A group that is gone (the queue was flushed) owns nothing: hence pcall.
local function owns(stream, group, consumer, id)
  local rows = redis.pcall('XPENDING', stream, group, id, id, 1, consumer)
  return rows.err == nil and #rows > 0
end
