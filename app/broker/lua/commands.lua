-- Runs the commands of effects: those of Redis, of ledgers and of streams. Part of the scripts with effects (scripts.py).

-- Redis reserves 4 kB (stream-node-max-bytes) for a new stream. A copy has no reserve. Longer streams would gain little.
local function compact_stream(stream)
  local copy = stream .. ':compact'
  if redis.call('XLEN', stream) <= 64 and redis.call('COPY', stream, copy, 'REPLACE') == 1 then
    redis.call('RENAME', copy, stream)
  end
end

local own_commands = {
  ['LEDGER.SET'] = function(ledger, entry, amount) ledger_set(ledger, entry, tonumber(amount)) end,
  ['LEDGER.ADD'] = function(ledger, entry, amount) ledger_add(ledger, entry, tonumber(amount)) end,
  ['LEDGER.MOVE'] = ledger_move,
  ['LEDGER.EXPIRE'] = function(ledger, entry, ttl_ms) ledger_expire(ledger, entry, tonumber(ttl_ms)) end,
  ['STREAM.COMPACT'] = compact_stream,
}

-- Runs a command of Redis or one of the table above. Raises an error if it fails.
local function run_command(command)
  local own_command = own_commands[command[1]]
  if own_command then
    return own_command(unpack(command, 2)) or false
  end
  return redis.call(unpack(command))
end
