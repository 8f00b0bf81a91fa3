-- Reads the files of a workspace for a job that a worker is about to start. Repeating it has no effect.
--
-- ARGV   ..., job id
-- Reply  {'missing'} | {'waiting'} (an earlier job uses it) | {'taken', files, version, owner, file quota in bytes, bytes of
--        the other files of the owner, bytes of the other files of all owners, number of blobs to delete}
local job_id = ARGV[3]
local fields = redis.call('HMGET', workspace, 'owner', 'files', 'version', 'quota')
local owner = fields[1]
if not owner then return {'missing'} end
-- A job that was finished and deleted in the meantime does not use the workspace again.
if is_unfinished(job_id) then join(job_id) end
if unfinished_jobs(id) ~= job_id then return {'waiting'} end
renew(owner)
local used = {}
for i, ledger in ipairs(ledgers(owner)) do
  used[i] = ledger_amount(ledger, ':total') - ledger_amount(ledger, entry)
end
return {
  'taken', fields[2], fields[3], owner, fields[4] or '0', format_number(used[1]), format_number(used[2]),
  redis.call('ZCOUNT', blobs, '-inf', format_number(now_ms)),
}
