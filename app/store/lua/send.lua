-- Sends input (stdin, eof, cancel, ...) to a job. Used by JobStore.send (jobs.py).
--
-- KEYS   record, inputs, output log, webhook outbox, queue positions (one sorted set for each priority)...
-- ARGV   kind, data, job_id, prefix of worker channels, output channel, max_input_bytes, max_input_entries,
--        result of a cancelled job, retention time in seconds, prefix of slots
-- Reply  'missing' | 'ignored' (finished) | 'full' | 'cancelled' (it had not started) | 'sent'
local record, inputs, output_log, outbox = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local kind, data, job_id, worker_channels, output_channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local max_input_bytes, max_input_entries = tonumber(ARGV[6]), tonumber(ARGV[7])
local cancelled_result, ttl_seconds, slots_prefix = ARGV[8], ARGV[9], ARGV[10]

local fields = redis.call(
  'HMGET', record, 'created_at_ms', 'result', 'started_at_ms', 'worker', 'input_bytes', 'webhook', 'account')
local created_at_ms, result, started_at_ms, worker = fields[1], fields[2], fields[3], fields[4]
local input_bytes, webhook, account = tonumber(fields[5] or '0'), fields[6], fields[7]
if not created_at_ms then return 'missing' end
if result then return 'ignored' end

-- No worker has started the job: it is finished here. The worker that receives its queue entry skips it.
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
  redis.call('DEL', inputs)
  if webhook then redis.call('RPUSH', outbox, job_id) end
  redis.call('PUBLISH', output_channel, '')
end

if kind == 'cancel' then
  -- A field of the record, not an input: it must not wait behind stdin that the program does not read.
  redis.call('HSET', record, 'cancel', '1')
  if not started_at_ms then
    finish_queued_job()
    return 'cancelled'
  end
else
  -- The number of entries is limited too: many small entries take far more memory than their bytes.
  if input_bytes + #data > max_input_bytes or redis.call('XLEN', inputs) >= max_input_entries then return 'full' end
  redis.call('XADD', inputs, '*', 'k', kind, 'd', data)
  redis.call('HINCRBY', record, 'input_bytes', #data)
end
if worker then redis.call('PUBLISH', worker_channels .. worker, job_id) end
return 'sent'
