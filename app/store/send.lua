-- Pass one thing (stdin, eof, cancel) on to a job.
-- KEYS: record, inputs, output log, outbox, lines of waiting jobs...
-- ARGV: kind, data, job id, prefix of worker channels, output channel, most input bytes, most input entries,
--       result of a cancelled job, ttl in seconds
-- Returns: missing | ignored | full | cancelled | sent
local kind, data, id = ARGV[1], ARGV[2], ARGV[3]
local job = redis.call('HMGET', KEYS[1], 'created_at_ms', 'result', 'started_at_ms', 'worker', 'input_bytes', 'webhook')
if not job[1] then return 'missing' end
if job[2] then return 'ignored' end

if kind == 'cancel' then
  -- The record alone carries it: among the inputs it would wait behind what the program does not read.
  redis.call('HSET', KEYS[1], 'cancel', '1')
  if not job[3] then
    -- Nobody has begun it: it ends here and now. Its queue entry is passed over by the worker that meets it.
    local time = redis.call('TIME')
    local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
    redis.call('HSET', KEYS[1], 'result', ARGV[8], 'finished_at_ms', string.format('%.0f', now_ms))
    for i = 5, #KEYS do
      redis.call('ZREM', KEYS[i], id)
    end
    redis.call('XADD', KEYS[3], '*', 'k', 'f', 'd', ARGV[8])
    redis.call('EXPIRE', KEYS[1], ARGV[9])
    redis.call('EXPIRE', KEYS[3], ARGV[9])
    redis.call('DEL', KEYS[2])
    if job[6] then redis.call('RPUSH', KEYS[4], id) end
    redis.call('PUBLISH', ARGV[5], '')
    return 'cancelled'
  end
else
  -- Entries are counted too: many small or empty ones take far more memory than their bytes.
  local full = tonumber(job[5] or '0') + #data > tonumber(ARGV[6])
  if full or redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[7]) then return 'full' end
  redis.call('XADD', KEYS[2], '*', 'k', kind, 'd', data)
  redis.call('HINCRBY', KEYS[1], 'input_bytes', #data)
end
if job[4] then redis.call('PUBLISH', ARGV[4] .. job[4], id) end
return 'sent'
