-- Adds a job that is being submitted to the jobs of a workspace.
--
-- ARGV   ..., owner, job id, whether the job waits for others ('1' or '0'), maximum number of jobs, file quota in bytes
-- Reply  'missing' | 'busy' (another job uses it) | 'full' (too many jobs wait) | 'joined'
local owner, job_id, waits, max_jobs, quota = ARGV[3], ARGV[4], ARGV[5] == '1', tonumber(ARGV[6]), ARGV[7]
if redis.call('HGET', workspace, 'owner') ~= owner then return 'missing' end
if not redis.call('ZSCORE', jobs_of(id), job_id) then
  local first, count = unfinished_jobs(id)
  if first and not waits then return 'busy' end
  if count >= max_jobs then return 'full' end
  join(job_id)
  redis.call('SET', submission_of(job_id), '', 'EX', submission_seconds)
end
redis.call('HSET', workspace, 'quota', quota)
renew(owner)
return 'joined'
