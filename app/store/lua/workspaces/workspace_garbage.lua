-- Finds blobs that no file of a workspace needs. Called again after they were deleted and removed from the sorted set,
-- until there are none: then it sets the time of the next search.
--
-- ARGV   ...
-- Reply  blob ids
local files = redis.call('HGET', workspace, 'files')
if not files then
  local all = redis.call('ZRANGE', blobs, 0, 99)
  if #all == 0 then redis.call('ZREM', garbage, id) end
  return all
end
local needed, due, next_ms = {}, {}, now_ms + math.max(0, redis.call('PTTL', workspace))
for _, file in pairs(cjson.decode(files)) do needed[file[1]] = true end
local entries = redis.call('ZRANGE', blobs, 0, -1, 'WITHSCORES')
for i = 1, #entries, 2 do
  if not needed[entries[i]] then
    if tonumber(entries[i + 1]) <= now_ms then
      due[#due + 1] = entries[i]
    else
      next_ms = math.min(next_ms, tonumber(entries[i + 1]))
    end
  end
end
if #due == 0 then redis.call('ZADD', garbage, format_number(next_ms), id) end
return due
