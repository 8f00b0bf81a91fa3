-- Returns the oldest entries of the outbox of webhooks. Moves those of earlier versions to it first. Used by Outbox.waiting
-- (outbox.py).
--
-- KEYS   outbox (stream), outbox of earlier versions (list)
-- ARGV   maximum number
-- Reply  entries as XRANGE returns them
local outbox, earlier_outbox = KEYS[1], KEYS[2]
local count = tonumber(ARGV[1])

for _ = 1, count do
  local job_id = redis.call('LPOP', earlier_outbox)
  if not job_id then
    break
  end
  redis.call('XADD', outbox, '*', 'job', job_id)
end
return redis.call('XRANGE', outbox, '-', '+', 'COUNT', count)
