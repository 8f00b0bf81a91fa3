-- Releases the files of a job that needs them no longer, and renews their expiry.
--
-- A job needs its files until its spec is deleted. A job that is being submitted has no record yet.
--
-- ARGV   job id, seconds until the files expire, seconds for which the submission of a job can take
-- Reply  1 if the job needs its files, otherwise 0
local job_id, ttl_seconds, submission_seconds = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local jobs = tag .. ':jobs-with-files'
local since_ms = tonumber(redis.call('ZSCORE', jobs, job_id) or '0')
local record = tag .. ':job:' .. job_id
if redis.call('HEXISTS', record, 'spec') == 1 then return 1 end
local is_submitted = redis.call('EXISTS', record) == 1
if not is_submitted and now_ms < since_ms + 1000 * submission_seconds then return 1 end
for _, file_id in ipairs(redis.call('SMEMBERS', tag .. ':job-files:' .. job_id)) do
  redis.call('SREM', tag .. ':file-jobs:' .. file_id, job_id)
  local fields = redis.call('HMGET', tag .. ':file:' .. file_id, 'expires_ms', 'deleted')
  if fields[2] then
    redis.call('ZADD', file_expiry, format_ms(now_ms), file_id)
  elseif fields[1] then
    set_expiry(file_id, math.max(tonumber(fields[1]), is_submitted and now_ms + 1000 * ttl_seconds or 0))
  end
end
redis.call('UNLINK', tag .. ':job-files:' .. job_id)
redis.call('ZREM', jobs, job_id)
return 0
