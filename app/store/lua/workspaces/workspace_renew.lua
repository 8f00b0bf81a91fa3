-- Renews the expiry of a workspace.
--
-- ARGV   ..., owner
-- Reply  1, or 0 if the owner has no workspace with this id
local owner = ARGV[3]
if redis.call('HGET', workspace, 'owner') ~= owner then return 0 end
renew(owner)
return 1
