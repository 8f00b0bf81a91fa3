-- Returns the workers whose lease has expired, by the rule that recover.lua applies to entries.
--
-- KEYS   availability, workers
-- ARGV   lease_ms, names of workers...
-- Reply  names of the dead workers. A worker without a lease was stopped, or its lease expired long ago.
local availability, workers = KEYS[1], KEYS[2]
local lease_ms = tonumber(ARGV[1])

if not may_expire_leases(availability, lease_ms) then
  return {}
end
local now = now_ms()
local dead = {}
for i = 2, #ARGV do
  local renewed_ms = tonumber(redis.call('ZSCORE', workers, ARGV[i]) or '')
  -- In the future: it was renewed before the clock was set back, and a live worker has renewed it since then.
  if not renewed_ms or renewed_ms > now or now - renewed_ms >= lease_ms then
    dead[#dead + 1] = ARGV[i]
  end
end
return dead
