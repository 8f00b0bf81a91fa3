-- Workspaces. Part of the scripts of workspaces.py and workspace_jobs.py, after the functions of the broker's ledgers.
--
-- A workspace is a hash: owner, created_ms, version, files (JSON: path -> {blob, SHA-256, size, executable}), quota (of
-- the owner, bytes). The sorted set of its jobs contains the jobs that use it or wait for it, in the order in which they
-- were submitted (microseconds). The first unfinished one has the workspace. So nothing has to be released when a job
-- ends, however it ends. The sorted set of its blobs contains every blob that was written for it, by the time in ms from
-- which on it is deleted: 'inf' while a file needs it. Two sorted sets of an owner contain its workspaces, by the time in
-- ms of their last use: those that remain until they expire, and those that may be removed earlier (sessions).
--
-- KEYS[1] of every script is the hash of workspaces without the id, and all other keys have the same hash tag. ARGV[1]
-- is the id, ARGV[2] the time in seconds for which the workspace is kept after a use.
local tag = string.match(KEYS[1], '^({.-})')
local id, ttl_seconds = ARGV[1], tonumber(ARGV[2])
local workspace = KEYS[1] .. id
local blobs, garbage = tag .. ':workspace-blobs:' .. id, tag .. ':workspace-garbage'
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local entry = 'workspace:' .. id
-- A submission takes less time.
local submission_seconds = 60

local function format_number(number)
  return string.format('%.0f', number)
end

local function jobs_of(workspace_id)
  return tag .. ':workspace-jobs:' .. workspace_id
end

-- Exists from the start of a submission until its job has a record.
local function submission_of(job_id)
  return tag .. ':workspace-submission:' .. job_id
end

local function is_unfinished(job_id)
  local fields = redis.call('HMGET', tag .. ':job:' .. job_id, 'created_at_ms', 'result')
  if fields[1] then return not fields[2] end
  return redis.call('EXISTS', submission_of(job_id)) == 1
end

-- Returns the first unfinished job and the number of the unfinished jobs, and removes the others.
local function unfinished_jobs(workspace_id)
  local first, count = nil, 0
  for _, job_id in ipairs(redis.call('ZRANGE', jobs_of(workspace_id), 0, -1)) do
    if is_unfinished(job_id) then
      first = first or job_id
      count = count + 1
    else
      redis.call('ZREM', jobs_of(workspace_id), job_id)
    end
  end
  return first, count
end

local function join(job_id)
  redis.call('ZADD', jobs_of(id), 'NX', format_number(time[1] * 1000000 + time[2]), job_id)
  redis.call('EXPIRE', jobs_of(id), ttl_seconds)
end

local function ledgers(owner)
  return {tag .. ':file-storage:' .. owner, tag .. ':all-file-storage'}
end

local function lists(owner)
  return {tag .. ':workspaces:' .. owner, tag .. ':workspace-sessions:' .. owner}
end

local function renew(owner)
  redis.call('EXPIRE', workspace, ttl_seconds)
  for _, list in ipairs(lists(owner)) do redis.call('ZADD', list, 'XX', format_number(now_ms), id) end
  for _, ledger in ipairs(ledgers(owner)) do ledger_expire(ledger, entry, 1000 * ttl_seconds) end
end

-- The blobs are deleted by workspace_garbage.lua.
local function delete_workspace(workspace_id, owner)
  redis.call('UNLINK', KEYS[1] .. workspace_id, jobs_of(workspace_id))
  for _, ledger in ipairs(ledgers(owner)) do ledger_set(ledger, 'workspace:' .. workspace_id, 0) end
  for _, list in ipairs(lists(owner)) do redis.call('ZREM', list, workspace_id) end
  redis.call('ZADD', garbage, format_number(now_ms), workspace_id)
end
