-- Writes or deletes a file of a workspace that no job uses.
--
-- ARGV   ..., owner, path, the new file as JSON ('': delete it), maximum number of files, maximum size in bytes, file quota
--        in bytes, capacity of the storage in bytes ('': none), overhead of a workspace in the quota in bytes
-- Reply  {'missing' | 'busy' | 'no_file' | 'too_many' | 'too_large'} | {'quota' | 'capacity', bytes of the owner or of all
--        owners} | {'changed', blob that is not needed any more, or ''}
local owner, path, file = ARGV[3], ARGV[4], ARGV[5]
local max_files, max_bytes = tonumber(ARGV[6]), tonumber(ARGV[7])
local limits, overhead = {tonumber(ARGV[8]), tonumber(ARGV[9])}, tonumber(ARGV[10])
if redis.call('HGET', workspace, 'owner') ~= owner then return {'missing'} end
if unfinished_jobs(id) then return {'busy'} end
local files = cjson.decode(redis.call('HGET', workspace, 'files'))
if file == '' and not files[path] then return {'no_file'} end
local replaced = files[path]
files[path] = file ~= '' and cjson.decode(file) or nil
local count, bytes = 0, 0
for _, other in pairs(files) do
  count = count + 1
  bytes = bytes + other[3]
end
if file ~= '' then
  if count > max_files then return {'too_many'} end
  if bytes > max_bytes then return {'too_large'} end
  for i, ledger in ipairs(ledgers(owner)) do
    ledger_release_expired(ledger, 100)
    local total = ledger_amount(ledger, ':total')
    if limits[i] and total - ledger_amount(ledger, entry) + bytes + overhead > limits[i] then
      return {i == 1 and 'quota' or 'capacity', total}
    end
  end
end
redis.call('HSET', workspace, 'files', count == 0 and '{}' or cjson.encode(files))
redis.call('HINCRBY', workspace, 'version', 1)
for _, ledger in ipairs(ledgers(owner)) do ledger_set(ledger, entry, bytes + overhead) end
redis.call('ZADD', garbage, format_number(now_ms), id)
renew(owner)
if file ~= '' then redis.call('ZADD', blobs, 'inf', files[path][1]) end
if replaced then redis.call('ZADD', blobs, format_number(now_ms), replaced[1]) end
return {'changed', replaced and replaced[1] or ''}
