-- KEYS   any key of the queue: a cluster routes the script by it
-- Reply  Unix time of the server in ms
return now_ms()
