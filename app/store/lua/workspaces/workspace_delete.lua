-- Deletes a workspace that no job uses.
--
-- ARGV   ..., owner
-- Reply  'missing' | 'busy' | 'deleted'
local owner = ARGV[3]
if redis.call('HGET', workspace, 'owner') ~= owner then return 'missing' end
if unfinished_jobs(id) then return 'busy' end
delete_workspace(id, owner)
return 'deleted'
