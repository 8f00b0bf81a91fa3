-- Deletes a workspace that no job uses. Its blobs are deleted by workspace_garbage.lua.
--
-- ARGV   ..., owner
-- Reply  'missing' | 'busy' | 'deleted'
local owner = ARGV[3]
if redis.call('HGET', workspace, 'owner') ~= owner then return 'missing' end
if unfinished_jobs() then return 'busy' end
redis.call('UNLINK', workspace, jobs)
for _, ledger in ipairs(ledgers(owner)) do ledger_set(ledger, entry, 0) end
redis.call('ZREM', tag .. ':workspaces:' .. owner, id)
redis.call('ZADD', garbage, format_number(now_ms), id)
return 'deleted'
