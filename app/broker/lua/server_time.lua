-- Returns the server's clock.
--
-- KEYS   any key of the queue: a cluster routes the script by it
-- ARGV   none
-- Reply  Unix time of the server in ms
return now_ms()
