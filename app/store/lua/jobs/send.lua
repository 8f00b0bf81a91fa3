-- Sends input (stdin, eof, cancel, ...) to a job. Used by JobStore.send (jobs.py), after the functions of the broker's
-- ledgers.
--
-- KEYS   record, inputs, output log, webhook outbox, queue positions (one sorted set for each priority)...
-- ARGV   kind, data, job_id, prefix of worker channels, output channel, max_input_bytes, max_input_entries,
--        result of a cancelled job, retention time in seconds, prefix of slots, prefix of storage ledgers,
--        overhead of an input in bytes, prefix of idempotency keys, retention time of a job with a webhook in seconds,
--        prefix of batches, prefix of channels of batches, retention time of a batch in seconds
-- Reply  {'missing' | 'ignored' (finished) | 'full' | 'storage_full' | 'cancelled' (no worker had claimed it) | 'sent',
--        bytes in storage, storage quota in bytes, owner}; the last three only with 'storage_full'
local record, inputs, output_log, outbox = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local kind, data, job_id, worker_channels, output_channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local max_input_bytes, max_input_entries = tonumber(ARGV[6]), tonumber(ARGV[7])
local cancelled_result, ttl_seconds, slots_prefix = ARGV[8], tonumber(ARGV[9]), ARGV[10]
local storage_prefix, input_overhead, idempotency_prefix = ARGV[11], tonumber(ARGV[12]), ARGV[13]
local webhook_ttl_seconds, batch_prefix, batch_channels = tonumber(ARGV[14]), ARGV[15], ARGV[16]
local batch_ttl_seconds = tonumber(ARGV[17])

local fields = redis.call(
  'HMGET', record, 'created_at_ms', 'result', 'started_at_ms', 'worker', 'input_bytes', 'webhook', 'account', 'owner',
  'claim', 'idempotency', 'batch', 'batch_index')
local created_at_ms, result, started_at_ms, worker = fields[1], fields[2], fields[3], fields[4]
local input_bytes, webhook, account, owner = tonumber(fields[5] or '0'), fields[6], fields[7], fields[8]
local claim, idempotency, batch, batch_index = fields[9], fields[10], fields[11], fields[12]
if not created_at_ms then return {'missing'} end
if result then return {'ignored'} end
local storage = storage_prefix .. owner
if webhook then ttl_seconds = webhook_ttl_seconds end

-- An API returns the source of the jobs that it stored in the field `foreign` of the record.
local function delete_source_and_inputs()
  local deleted_bytes = input_bytes + input_overhead * redis.call('XLEN', inputs)
  redis.call('DEL', inputs)
  if redis.call('HEXISTS', record, 'foreign') == 0 then
    deleted_bytes = deleted_bytes + redis.call('HSTRLEN', record, 'spec')
    redis.call('HDEL', record, 'spec')
  end
  ledger_add(storage, job_id, -deleted_bytes)
end

-- No worker has claimed the job: it is finished here. The worker that receives its queue entry skips it.
local function finish_queued_job()
  local time = redis.call('TIME')
  local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('HSET', record, 'result', cancelled_result, 'finished_at_ms', string.format('%.0f', now_ms))
  for i = 5, #KEYS do
    redis.call('ZREM', KEYS[i], job_id)
  end
  if account then redis.call('ZREM', slots_prefix .. account, job_id) end
  redis.call('XADD', output_log, '*', 'k', 'f', 'd', cancelled_result)
  redis.call('EXPIRE', record, ttl_seconds)
  redis.call('EXPIRE', output_log, ttl_seconds)
  if idempotency then redis.call('EXPIRE', idempotency_prefix .. idempotency, ttl_seconds) end
  delete_source_and_inputs()
  ledger_add(storage, job_id, 2 * #cancelled_result)
  ledger_expire(storage, job_id, 1000 * ttl_seconds)
  if webhook then redis.call('XADD', outbox, '*', 'job', job_id) end
  redis.call('PUBLISH', output_channel, '')
  if batch then
    redis.call('XADD', batch_prefix .. batch, '*', 'index', batch_index, 'job', job_id)
    redis.call('EXPIRE', batch_prefix .. batch, batch_ttl_seconds)
    redis.call('PUBLISH', batch_channels .. batch, '')
  end
end

if kind == 'cancel' then
  -- A field of the record, not an input: it must not wait behind stdin that the program does not read.
  redis.call('HSET', record, 'cancel', '1')
  if not started_at_ms and not claim then
    finish_queued_job()
    return {'cancelled'}
  end
else
  -- The number of entries is limited too: many small entries take far more memory than their bytes.
  if input_bytes + #data > max_input_bytes or redis.call('XLEN', inputs) >= max_input_entries then return {'full'} end
  local stored_bytes, quota_bytes = ledger_amount(storage, ':total'), ledger_amount(storage, ':quota')
  local new_bytes = #data + input_overhead
  -- The end of input and signals must reach a program that would otherwise run until its time limit.
  if kind == 'stdin' and quota_bytes > 0 and stored_bytes + new_bytes > quota_bytes then
    ledger_release_expired(storage, 1000)
    stored_bytes = ledger_amount(storage, ':total')
    if stored_bytes + new_bytes > quota_bytes then
      return {'storage_full', stored_bytes, quota_bytes, owner}
    end
  end
  redis.call('XADD', inputs, '*', 'k', kind, 'd', data)
  redis.call('HINCRBY', record, 'input_bytes', #data)
  ledger_add(storage, job_id, new_bytes)
end
local receiver = claim or worker
if receiver then redis.call('PUBLISH', worker_channels .. receiver, job_id) end
return {'sent'}
