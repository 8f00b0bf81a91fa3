-- Creates an empty workspace. If the list of sessions or the file quota is full, removes sessions that have not been used
-- for some time, the least recently used one first.
--
-- ARGV   ..., owner, whether the workspace is a session ('1' or '0'), maximum number in its list, file quota in bytes,
--        capacity of the storage in bytes ('': none), overhead of a workspace in the quota in bytes, bytes of the quota
--        that are free afterwards if the removal of sessions can achieve it, time in seconds for which no session is removed
--        after its last use
-- Reply  {'too_many'} | {'quota' | 'capacity', bytes of the owner or of all owners} | {'created'}
local owner, is_session, max_count = ARGV[3], ARGV[4] == '1', tonumber(ARGV[5])
local limits, overhead, free_bytes = {tonumber(ARGV[6]), tonumber(ARGV[7])}, tonumber(ARGV[8]), tonumber(ARGV[9])
local idle_ms = 1000 * tonumber(ARGV[10])
local list = lists(owner)[is_session and 2 or 1]
for _, expired in ipairs(lists(owner)) do
  redis.call('ZREMRANGEBYSCORE', expired, '-inf', format_number(now_ms - 1000 * ttl_seconds))
end
for _, ledger in ipairs(ledgers(owner)) do ledger_release_expired(ledger, 100) end

-- Returns the reply that states which limit a workspace with this size exceeds; nil if none.
local function exceeded_limit(bytes_of_owner)
  if redis.call('ZCARD', list) >= max_count then return {'too_many'} end
  for i, ledger in ipairs(ledgers(owner)) do
    local total = ledger_amount(ledger, ':total')
    if limits[i] and total + (i == 1 and bytes_of_owner or overhead) > limits[i] then
      return {i == 1 and 'quota' or 'capacity', format_number(total)}
    end
  end
end

if is_session then
  local unused = redis.call('ZRANGEBYSCORE', list, '-inf', format_number(now_ms - idle_ms), 'LIMIT', 0, 100)
  for _, session in ipairs(unused) do
    if not exceeded_limit(math.max(overhead, free_bytes)) then break end
    if not unfinished_jobs(session) then delete_workspace(session, owner) end
  end
end
local exceeded = exceeded_limit(overhead)
if exceeded then return exceeded end
redis.call('HSET', workspace, 'owner', owner, 'created_ms', format_number(now_ms), 'version', 0, 'files', '{}', 'quota', ARGV[6])
redis.call('ZADD', list, format_number(now_ms), id)
-- So that the set does not remain when the last of its workspaces has expired.
redis.call('EXPIRE', list, 365 * 86400)
redis.call('ZADD', garbage, format_number(now_ms + 1000 * ttl_seconds), id)
for _, ledger in ipairs(ledgers(owner)) do ledger_set(ledger, entry, overhead) end
renew(owner)
return {'created'}
