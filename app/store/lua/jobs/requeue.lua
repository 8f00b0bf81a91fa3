-- Resets the record of a dead-lettered job to the state queued. Used by Administration.replay (administration.py).
--
-- The file is the body of a function of keys and args, after the functions of the broker's ledgers. It runs in the script
-- that enqueues the message of the dead letter.
--
-- keys   record, output log, queue positions (sorted set), storage ledger of its owner, outbox of webhooks
-- args   job_id, outcome of dead-lettered jobs, output channel, ledger entry of its output, prefix of idempotency keys,
--        prefix of slots, duration of a slot in seconds
-- Reply  whether the message may be enqueued, and 'expired' | 'finished' (with another outcome) | 'queued' (it is queued
--        or running already) | 'reset'
local record, output_log, positions, storage, outbox = keys[1], keys[2], keys[3], keys[4], keys[5]
local job_id, dead_outcome, output_channel, output_entry = args[1], args[2], args[3], args[4]
local idempotency_prefix, slots_prefix, slot_seconds = args[5], args[6], args[7]

local fields = redis.call('HMGET', record, 'spec', 'result', 'created_at_ms', 'idempotency', 'account')
local spec, result, created_at_ms, idempotency, account = fields[1], fields[2], fields[3], fields[4], fields[5]
local time = redis.call('TIME')
local now_ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
if not created_at_ms then return false, 'expired' end
if not result then return true, 'queued' end
-- A finished job has no spec, except that a dead-lettered one keeps it.
if not spec or cjson.decode(result).outcome ~= dead_outcome then return false, 'finished' end

-- Id of the last entry that was added to the outbox: the ends of this job until now have an id that is not greater.
local function last_end_id()
  local info = redis.pcall('XINFO', 'STREAM', outbox)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then return info[i + 1] end
  end
  return '0-0'
end

-- The webhook of this end may not have been delivered yet. Outbox.read (outbox.py) reads the ends.
local function keep_end()
  local ends = cjson.decode(redis.call('HGET', record, 'earlier_ends') or '[]')
  local kept = {last_end_id = last_end_id()}
  for _, name in ipairs({'result', 'finished_at_ms', 'started_at_ms', 'attempt', 'worker'}) do
    kept[name] = redis.call('HGET', record, name) or nil
  end
  ends[#ends + 1] = kept
  redis.call('HSET', record, 'earlier_ends', cjson.encode(ends))
end

if redis.call('HEXISTS', record, 'webhook') == 1 then keep_end() end
redis.call('HDEL', record, 'result', 'finished_at_ms', 'started_at_ms', 'attempt', 'worker', 'claim', 'cancel',
  'input_bytes')
redis.call('PERSIST', record)
if idempotency then redis.call('PERSIST', idempotency_prefix .. idempotency) end
-- XTRIM, unlike DEL, keeps the ids increasing, and with them the cursors.
redis.call('XTRIM', output_log, 'MAXLEN', 0)
redis.call('PERSIST', output_log)
ledger_persist(storage, job_id)
ledger_set(storage, output_entry, 0)
-- The end of the job freed its slot. A replay takes one even if the caller has no free slot.
if account then
  redis.call('ZADD', slots_prefix .. account, now_ms, job_id)
  redis.call('EXPIRE', slots_prefix .. account, slot_seconds)
end
redis.call('ZADD', positions, created_at_ms, job_id)
redis.call('PUBLISH', output_channel, '')
return true, 'reset'
