-- Finds a file of an owner and renews its expiry.
--
-- ARGV   file id, owner, seconds until it expires ('': do not renew)
-- Reply  {name, digest, blob, size, created_ms, expires_ms}, empty if there is no such file
local file_id, owner, ttl_seconds = ARGV[1], ARGV[2], tonumber(ARGV[3])
local fields = find_file(file_id, owner)
if not fields then return {} end
if ttl_seconds then
  local expires_ms = math.max(tonumber(fields[7]), now_ms + 1000 * ttl_seconds)
  set_expiry(file_id, expires_ms)
  fields[7] = format_ms(expires_ms)
end
return {fields[2], fields[3], fields[4], fields[5], fields[6], fields[7]}
