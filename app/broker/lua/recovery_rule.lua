-- The recovery rule: when a lease has expired. Part of all scripts that renew leases or act on expired ones (scripts.py).
--
-- The lease of an entry or of a worker has expired only if both conditions are true:
--   1. It was not renewed for lease_ms by the server's clock.
--   2. The server has been available for lease_ms without a pause longer than a renewal interval (lease_ms / 4).
--
-- The second condition is read from a hash, `availability`, which every one of these scripts refreshes:
--   since_ms  start of the current period of availability
--   seen_ms   time of the last of these scripts
--   set_back  1 if the clock was set back and maintain.lua has not yet started new leases; otherwise missing
-- Each worker runs one of them at least once in lease_ms / 8. If none ran for longer than lease_ms / 4, the server was down,
-- paused or unreachable, or no worker was running: a new period starts, and with it a whole lease for each live worker.
-- A clock that was set forward looks like a pause. A clock that was set back starts a new period as well; because the leases
-- would seem to be renewed in the future, all of them start anew.
--
-- Why no lease of a live worker expires: a live worker tries to renew its leases at the latest lease_ms / 4 after the last
-- success, and every lease_ms / 16 after a failure. An attempt fails only while the server is unavailable.
--   * No pause: the time since the last renewal is at most lease_ms / 4.
--   * A pause of at most lease_ms / 4, which may go unnoticed: at most lease_ms * (1/4 + 1/4 + 1/16), less than a lease.
--   * A longer pause is a gap between two values of seen_ms: the first script after it, whichever process runs it, starts a
--     new period. Nothing expires for lease_ms, and the live worker renews its leases within lease_ms / 16.
--   * Lost writes (a crash with appendfsync everysec, a failover, a restored backup): `availability` is in the same slot
--     as the leases, and therefore in the same append-only file and replica. A server that lost the renewals of the last
--     x ms also lost the values of seen_ms of the last x ms: they count as a part of the pause. A lost hash starts a new
--     period.
-- Why the leases of a dead worker expire: other workers refresh `availability`, so that a period does not end while the
-- server is available. If no other worker runs, a period of lease_ms starts with the next worker.

-- Refreshes `availability`. Returns for how many ms the server has been available.
local function refresh_availability(availability, lease_ms)
  local now = now_ms()
  local values = redis.call('HMGET', availability, 'since_ms', 'seen_ms')
  local since, seen = tonumber(values[1]), tonumber(values[2])
  if not since or not seen or now < seen or now - seen > lease_ms / 4 then
    since = now
  end
  if seen and now < seen then
    redis.call('HSET', availability, 'set_back', '1')
  end
  redis.call('HSET', availability, 'since_ms', string.format('%d', since), 'seen_ms', string.format('%d', now))
  redis.call('PEXPIRE', availability, string.format('%d', 10 * lease_ms))
  return now - since
end

-- Returns whether leases that were not renewed for lease_ms may be treated as expired. Refreshes `availability`.
local function may_expire_leases(availability, lease_ms)
  return refresh_availability(availability, lease_ms) >= lease_ms
end
