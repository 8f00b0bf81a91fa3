-- Keeps files for a job until it has finished, and renews their expiry. Does nothing if one of them does not exist.
--
-- ARGV   job id, owner, seconds until the files expire, file ids...
-- Reply  for each file: {digest, blob, size}, or {} if it does not exist
local job_id, owner, expires_ms = ARGV[1], ARGV[2], now_ms + 1000 * tonumber(ARGV[3])
local replies, is_complete = {}, true

for i = 4, #ARGV do
  local fields = find_file(ARGV[i], owner)
  replies[#replies + 1] = fields and {fields[3], fields[4], fields[5]} or {}
  is_complete = is_complete and fields
end
if is_complete then
  for i = 4, #ARGV do
    set_expiry(ARGV[i], math.max(expires_ms, tonumber(redis.call('HGET', tag .. ':file:' .. ARGV[i], 'expires_ms'))))
    redis.call('SADD', tag .. ':file-jobs:' .. ARGV[i], job_id)
    redis.call('SADD', tag .. ':job-files:' .. job_id, ARGV[i])
  end
  redis.call('ZADD', tag .. ':jobs-with-files', format_ms(now_ms), job_id)
end
return replies
