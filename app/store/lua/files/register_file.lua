-- Adds an uploaded file to the file table. Repeating it has no effect.
--
-- ARGV   file id, owner, name, SHA-256, size in bytes, bytes that the quota counts, seconds until it expires, a blob that the
--        storage has lost or ''. The upload replaces it for all files
-- Reply  {'abandoned'} | {'registered', id of the blob, created_ms, expires_ms}. If the blob is another one, the one of the
--        upload is not used.
local file_id, owner, name, digest, size = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local counted, expires_ms, lost_blob = tonumber(ARGV[6]), now_ms + 1000 * tonumber(ARGV[7]), ARGV[8]
local file, uploads, blob_key = tag .. ':file:' .. file_id, tag .. ':file-uploads', tag .. ':blob:' .. digest

local registered = redis.call('HMGET', file, 'blob', 'created_ms', 'expires_ms')
if registered[1] then return {'registered', registered[1], registered[2], registered[3]} end
if redis.call('ZREM', uploads, file_id) == 0 then return {'abandoned'} end
local holders = tag .. ':blob-holders:' .. digest
local blob = redis.call('GET', blob_key)
if blob and blob == lost_blob then
  for _, holder in ipairs(redis.call('SMEMBERS', holders)) do
    local held_id = string.match(holder, '^file:(.+)$')
    if held_id then redis.call('HSET', tag .. ':file:' .. held_id, 'blob', file_id) end
  end
  redis.call('SADD', unused_blobs, blob)
  blob = nil
end
if blob then
  redis.call('SADD', unused_blobs, file_id)
else
  blob = file_id
  redis.call('SET', blob_key, blob)
end
redis.call('SADD', holders, 'file:' .. file_id)
redis.call(
  'HSET', file, 'owner', owner, 'name', name, 'digest', digest, 'blob', blob, 'size', size, 'created_ms', format_ms(now_ms))
set_expiry(file_id, expires_ms)
redis.call('ZADD', tag .. ':files:' .. owner, format_ms(now_ms), file_id)
for _, ledger in ipairs({tag .. ':file-storage:' .. owner, all_storage}) do
  ledger_set(ledger, file_id, counted)
  ledger_persist(ledger, file_id)
end
return {'registered', blob, format_ms(now_ms), format_ms(expires_ms)}
