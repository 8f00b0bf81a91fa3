-- Runs the commands of effects: those of Redis and those of ledgers. Part of the scripts with effects (scripts.py).

local ledger_commands = {
  ['LEDGER.SET'] = function(ledger, entry, amount) ledger_set(ledger, entry, tonumber(amount)) end,
  ['LEDGER.ADD'] = function(ledger, entry, amount) ledger_add(ledger, entry, tonumber(amount)) end,
  ['LEDGER.MOVE'] = ledger_move,
  ['LEDGER.EXPIRE'] = function(ledger, entry, ttl_ms) ledger_expire(ledger, entry, tonumber(ttl_ms)) end,
}

-- Runs a command of Redis or of a ledger. Raises an error if it fails.
local function run_command(command)
  local ledger_command = ledger_commands[command[1]]
  if ledger_command then
    return ledger_command(unpack(command, 2)) or false
  end
  return redis.call(unpack(command))
end
