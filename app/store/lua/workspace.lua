-- Workspaces. Part of the scripts of workspaces.py and workspace_jobs.py, after the functions of the broker's ledgers.
--
-- A workspace is a hash: owner, created_ms, version, files (JSON: path -> {blob, SHA-256, size, executable}), quota (of
-- the owner, bytes). The sorted set of its jobs contains the jobs that use it or wait for it, in the order in which they
-- were submitted (microseconds). The first unfinished one has the workspace. So nothing has to be released when a job
-- ends, however it ends. The sorted set of its blobs contains every blob that was written for it, by the time in ms from
-- which on it is deleted: 'inf' while a file needs it.
--
-- KEYS[1] of every script is the hash of workspaces without the id, and all other keys have the same hash tag. ARGV[1]
-- is the id, ARGV[2] the time in seconds for which the workspace is kept after a use.
local tag = string.match(KEYS[1], '^({.-})')
local id, ttl_seconds = ARGV[1], tonumber(ARGV[2])
local workspace, jobs = KEYS[1] .. id, tag .. ':workspace-jobs:' .. id
local blobs, garbage = tag .. ':workspace-blobs:' .. id, tag .. ':workspace-garbage'
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local entry = 'workspace:' .. id
-- A submission takes less time.
local submission_ms = 60000

local function format_number(number)
  return string.format('%.0f', number)
end

local function is_unfinished(job_id, added_us)
  local fields = redis.call('HMGET', tag .. ':job:' .. job_id, 'created_at_ms', 'result')
  if fields[1] then return not fields[2] end
  return now_ms < added_us / 1000 + submission_ms
end

-- Returns the first unfinished job and the number of the unfinished jobs, and removes the others.
local function unfinished_jobs()
  local first, count = nil, 0
  local entries = redis.call('ZRANGE', jobs, 0, -1, 'WITHSCORES')
  for i = 1, #entries, 2 do
    if is_unfinished(entries[i], tonumber(entries[i + 1])) then
      first = first or entries[i]
      count = count + 1
    else
      redis.call('ZREM', jobs, entries[i])
    end
  end
  return first, count
end

local function join(job_id)
  redis.call('ZADD', jobs, 'NX', format_number(time[1] * 1000000 + time[2]), job_id)
  redis.call('EXPIRE', jobs, ttl_seconds)
end

local function ledgers(owner)
  return {tag .. ':file-storage:' .. owner, tag .. ':all-file-storage'}
end

local function renew(owner)
  redis.call('EXPIRE', workspace, ttl_seconds)
  for _, ledger in ipairs(ledgers(owner)) do ledger_expire(ledger, entry, 1000 * ttl_seconds) end
end
