-- Reserves room for an upload, or more room for one that continues.
--
-- ARGV   file id, owner, size in bytes so far, quota of the owner, capacity of the storage ('': none), seconds after
--        which the upload counts as abandoned
-- Reply  {'reserved' | 'quota' | 'capacity', bytes of the owner, bytes of all owners}
local file_id, owner, size = ARGV[1], ARGV[2], tonumber(ARGV[3])
local quota, capacity, upload_ms = tonumber(ARGV[4]), tonumber(ARGV[5]), 1000 * tonumber(ARGV[6])
local storage = tag .. ':file-storage:' .. owner

ledger_release_expired(storage, 100)
ledger_release_expired(all_storage, 100)
local owned = ledger_amount(storage, ':total') - ledger_amount(storage, file_id) + size
local all = ledger_amount(all_storage, ':total') - ledger_amount(all_storage, file_id) + size
if owned > quota then return {'quota', owned - size, all - size} end
if capacity and all > capacity then return {'capacity', owned - size, all - size} end
for _, ledger in ipairs({storage, all_storage}) do
  ledger_set(ledger, file_id, size)
  ledger_expire(ledger, file_id, upload_ms)
end
redis.call('ZADD', tag .. ':file-uploads', format_ms(now_ms + upload_ms), file_id)
return {'reserved', owned, all}
