-- KEYS: stream, which finds the right server
return now_ms()
