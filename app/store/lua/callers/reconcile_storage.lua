-- Removes the entries of jobs whose records do not exist from a storage ledger and corrects its total. Used by
-- StorageReconciliation (storage.py), after the functions of the broker's ledgers. One call examines a part of the
-- entries: call again with the returned cursor until it is '0'.
--
-- KEYS   storage ledger of an owner, owners with a storage ledger (set)
-- ARGV   owner, cursor, batch size, prefix of records, suffix of the entries for output, number of entries up to which
--        the total is computed again
-- Reply  {next cursor, number of removed entries}
local storage, owners = KEYS[1], KEYS[2]
local owner, cursor, batch_size, record_prefix, output_suffix = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local max_summed = tonumber(ARGV[6])

-- Fields such as ':total' belong to no job.
local function is_entry(field)
  return string.sub(field, 1, 1) ~= ':'
end

local function job_id_of(entry)
  if string.sub(entry, -#output_suffix) == output_suffix then
    return string.sub(entry, 1, -#output_suffix - 1)
  end
  return entry
end

local function correct_total()
  local sum, fields = 0, redis.call('HGETALL', storage)
  for i = 1, #fields, 2 do
    if is_entry(fields[i]) then
      sum = sum + tonumber(fields[i + 1])
    end
  end
  redis.call('HSET', storage, ':total', string.format('%.0f', sum))
  if sum == 0 then
    redis.call('DEL', storage, storage .. ':expiry')
    redis.call('SREM', owners, owner)
  end
end

local removed = ledger_release_expired(storage, batch_size)
local scanned = redis.call('HSCAN', storage, cursor, 'COUNT', batch_size)
for i = 1, #scanned[2], 2 do
  local entry = scanned[2][i]
  if is_entry(entry) and redis.call('HEXISTS', record_prefix .. job_id_of(entry), 'created_at_ms') == 0 then
    ledger_set(storage, entry, 0)
    removed = removed + 1
  end
end
if scanned[1] == '0' and redis.call('HLEN', storage) <= max_summed then
  correct_total()
end
return {scanned[1], removed}
