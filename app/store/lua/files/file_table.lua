-- The file table. Part of the scripts of FileTable (file_table.py), after the functions of the broker's ledgers.
--
-- A file is a hash: owner, name, digest, blob, size, created_ms, expires_ms, deleted ('1' after a deletion while a job
-- needs the file). A file exists while it has not expired or while a job needs it. KEYS[1] of every script is the hash
-- of files without the id, and all other keys have the same prefix and so the same hash tag.
local tag = string.match(KEYS[1], '^({.-})')
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local file_expiry, unused_blobs, all_storage = tag .. ':file-expiry', tag .. ':unused-blobs', tag .. ':all-file-storage'

local function format_ms(ms)
  return string.format('%.0f', ms)
end

local function is_needed(file_id)
  return redis.call('SCARD', tag .. ':file-jobs:' .. file_id) > 0
end

-- Returns the fields of a file of an owner, nil if it does not exist.
local function find_file(file_id, owner)
  local fields = redis.call(
    'HMGET', tag .. ':file:' .. file_id, 'owner', 'name', 'digest', 'blob', 'size', 'created_ms', 'expires_ms', 'deleted')
  if fields[1] ~= owner or fields[8] then return nil end
  if tonumber(fields[7]) <= now_ms and not is_needed(file_id) then return nil end
  return fields
end

local function set_expiry(file_id, expires_ms)
  redis.call('HSET', tag .. ':file:' .. file_id, 'expires_ms', format_ms(expires_ms))
  redis.call('ZADD', file_expiry, format_ms(expires_ms), file_id)
end

local function release_blob(digest, holder)
  local holders = tag .. ':blob-holders:' .. digest
  redis.call('SREM', holders, holder)
  if redis.call('SCARD', holders) == 0 then
    local blob = redis.call('GET', tag .. ':blob:' .. digest)
    if blob then
      redis.call('SADD', unused_blobs, blob)
      redis.call('UNLINK', tag .. ':blob:' .. digest)
    end
  end
end

local function remove_file(file_id)
  local fields = redis.call('HMGET', tag .. ':file:' .. file_id, 'owner', 'digest')
  local owner, digest = fields[1], fields[2]
  redis.call('ZREM', file_expiry, file_id)
  if not owner then return end
  redis.call('ZREM', tag .. ':files:' .. owner, file_id)
  redis.call('UNLINK', tag .. ':file:' .. file_id)
  ledger_set(tag .. ':file-storage:' .. owner, file_id, 0)
  ledger_set(all_storage, file_id, 0)
  release_blob(digest, 'file:' .. file_id)
end
