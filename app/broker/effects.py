"""Redis writes that a queue operation makes in the same script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from app.broker.keys import QueueKeys, check_key

__all__ = ["NOW_MS", "Effect", "PackedEffects", "add_effects", "pack_effects"]

#: In `on_dead` effects, lua/dead_letter.lua replaces an argument that equals this value by the server's Unix time in
#: ms. The NUL characters prevent a caller from using the value by accident.
NOW_MS = "\x00streams-broker:now-ms\x00"

# Lua's unpack() fails above about 8000 values (LUAI_MAXCSTACK in Lua 5.1).
_MAX_ARGUMENTS = 4000


@dataclass(frozen=True, init=False, slots=True)
class Effect:
    """One Redis write.

    Args:
        command: A command that writes and whose first argument is its only key: HSET, XADD, SET, EXPIRE, PUBLISH, ...
            Or a command for a ledger, a sum of amounts that can expire (lua/ledger.lua): LEDGER.SET entry amount,
            LEDGER.ADD entry amount, LEDGER.MOVE from_entry to_entry, LEDGER.EXPIRE entry ttl_ms.
            Or STREAM.COMPACT for a stream that has got its last entry: it frees the 4 kB that Redis reserves for more.
            Or, only in `on_dead`, UNLESS.FIELD field: the effects after it are skipped if the hash has this field.
        key: Must contain the hash tag of the queue. The channel of PUBLISH counts as a key.
        args: Arguments after the key, at most 4,000.

    Raises:
        ValueError: There are too many arguments.
    """

    command: str
    key: str
    args: tuple[str | bytes | int, ...]

    def __init__(self, command: str, key: str, *args: str | bytes | int) -> None:
        if len(args) > _MAX_ARGUMENTS:
            raise ValueError(f"an effect has at most {_MAX_ARGUMENTS} arguments, not {len(args)}")
        object.__setattr__(self, "command", command)
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "args", args)


class PackedEffects(bytes):
    """`on_dead` effects in their stored form.

    For each effect: its number of values and a colon, then each value (command, key, arguments) as its length, a colon
    and its bytes. Pack effects in advance if many messages have them in common.
    """


def add_effects(effects: Sequence[Effect], keys: list[str | bytes], args: list[Any], queue: QueueKeys) -> None:
    """Append effects to the KEYS and ARGV of a script, in the layout of lua/effects.lua.

    Raises:
        ValueError: A key does not have the hash tag of the queue.
    """
    _check_keys(effects, queue)
    for effect in effects:
        keys.append(effect.key)
        args += (effect.command, len(keys), len(effect.args))
        args += effect.args


def pack_effects(effects: Sequence[Effect] | PackedEffects, queue: QueueKeys) -> PackedEffects:
    """Pack effects for one queue.

    Raises:
        ValueError: A key does not have the hash tag of the queue.
    """
    if isinstance(effects, PackedEffects):
        return effects
    _check_keys(effects, queue)
    parts: list[bytes] = []
    for effect in effects:
        values = [_to_bytes(value) for value in (effect.command, effect.key, *effect.args)]
        parts.append(b"%d:" % len(values))
        parts += (b"%d:%b" % (len(value), value) for value in values)
    return PackedEffects(b"".join(parts))


def _check_keys(effects: Iterable[Effect], queue: QueueKeys) -> None:
    for effect in effects:
        check_key(effect.key, queue, effect.command)


def _to_bytes(value: str | bytes | int) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
