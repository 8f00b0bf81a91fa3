-- Gives entries back that were never started: counts unchanged.
-- KEYS: the entries' stream, again   ARGV: group, consumer, entry ids...
local released = 0
for i = 3, #ARGV do
  if owns(KEYS[1], ARGV[1], ARGV[2], ARGV[i]) then
    append(KEYS[2], load(KEYS[1], ARGV[i]))
    remove(KEYS[1], ARGV[1], ARGV[i])
    released = released + 1
  end
end
return released
