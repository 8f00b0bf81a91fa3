-- Removes files that have expired and that no job needs, and uploads that were abandoned.
--
-- ARGV   batch size, seconds after which a file that a job needs is examined again
-- Reply  number of files and uploads that were examined
local batch_size, retry_ms = tonumber(ARGV[1]), 1000 * tonumber(ARGV[2])
local uploads = tag .. ':file-uploads'
local expired = redis.call('ZRANGEBYSCORE', file_expiry, '-inf', format_ms(now_ms), 'LIMIT', 0, batch_size)
for _, file_id in ipairs(expired) do
  if is_needed(file_id) then
    redis.call('ZADD', file_expiry, format_ms(now_ms + retry_ms), file_id)
  else
    remove_file(file_id)
  end
end
local abandoned = redis.call('ZRANGEBYSCORE', uploads, '-inf', format_ms(now_ms), 'LIMIT', 0, batch_size)
for _, file_id in ipairs(abandoned) do
  redis.call('SADD', unused_blobs, file_id)
  redis.call('ZREM', uploads, file_id)
end
return #expired + #abandoned
