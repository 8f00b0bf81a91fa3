-- Fetches entries of the first stream that has new ones and marks them as started. Part of fetch and finish (scripts.py).
--
-- A message is fetched only for a worker thread that is free, so that it starts as soon as the reply arrives. If the reply
-- is lost, the worker finds the entries pending at itself and starts or releases them.
--
-- first_key: index in KEYS of the first stream. counts: maximum number of entries for each stream.
-- Returns a list of {number of the stream, entry id, fields}, and an error if a stream has no group, as after a flush.
local function fetch_entries(group, consumer, started_mark, first_key, counts)
  local fetched = {}
  for number, count in ipairs(counts) do
    local stream = KEYS[first_key + number - 1]
    local reply = redis.pcall('XREADGROUP', 'GROUP', group, consumer, 'COUNT', count, 'STREAMS', stream, '>')
    if reply and reply.err then
      return fetched, reply
    end
    for _, row in ipairs(reply and reply[1][2] or {}) do
      redis.call('XCLAIM', stream, group, consumer, 0, row[1], 'RETRYCOUNT', started_mark, 'JUSTID')
      fetched[#fetched + 1] = {number, row[1], row[2]}
    end
    if #fetched > 0 then
      break
    end
  end
  return fetched
end
