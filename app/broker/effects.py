"""Redis writes that are made in the same step as a queue operation.

Two encodings: flat script arguments for effects that run now (no packing and unpacking of blobs on the hot
path), and one packed byte string for `on_dead` effects, which are stored beside the message until it dies.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from app.broker.keys import QueueKeys, check_key

__all__ = ["NOW_MS", "Effect", "PackedEffects", "check", "flatten", "pack"]

#: In `on_dead` effects, an argument equal to this is replaced by the server's time in ms. The NULs keep it
#: from being typed by accident. lua/bury.lua holds the same bytes; a test compares them.
NOW_MS = "\x00streams-broker:now-ms\x00"

# Lua's unpack() pushes every argument on a stack of about 8000 slots.
_MAX_ARGUMENTS = 4000


@dataclass(frozen=True, init=False, slots=True)
class Effect:
    """One Redis write, made atomically together with a queue operation.

    Parameters:
        command: a write that takes one key, as its first argument: HSET, XADD, SET, EXPIRE, PUBLISH, ...
        key: must carry the hash tag of the queue it is used with. PUBLISH's channel counts as a key.
        args: what follows the key.
    """

    command: str
    key: str
    args: tuple[str | bytes | int, ...]

    def __init__(self, command: str, key: str, *args: str | bytes | int) -> None:
        if len(args) > _MAX_ARGUMENTS:
            raise ValueError(f"an effect takes at most {_MAX_ARGUMENTS} arguments, not {len(args)}")
        object.__setattr__(self, "command", command)
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "args", args)


class PackedEffects(bytes):
    """Effects packed ahead, for one queue: what many messages have in common need not be packed for each of them."""

    @classmethod
    def of(cls, effects: Sequence[Effect], queue: QueueKeys) -> PackedEffects:
        """Raises ValueError: a key lacks the queue's hash tag."""
        return cls(pack(effects, queue))


def check(effects: Iterable[Effect], keys: QueueKeys) -> None:
    """Refuse a key of another slot.

    Raises:
        ValueError: naming the effect and the hash tag it lacks.
    """
    for effect in effects:
        check_key(effect.key, keys, effect.command)


def flatten(effects: Sequence[Effect], keys: list[str | bytes], args: list[Any], queue: QueueKeys) -> None:
    """Append effects to a script's KEYS and ARGV: command, index of the key, argument count, arguments.

    Raises:
        ValueError: a key lacks the queue's hash tag.
    """
    check(effects, queue)
    for effect in effects:
        keys.append(effect.key)
        args += (effect.command, len(keys), len(effect.args))
        args += effect.args


def pack(effects: Sequence[Effect] | PackedEffects, queue: QueueKeys) -> bytes:
    """Effects as one byte string: for each its argument count, then each argument as length, colon, bytes.

    Raises:
        ValueError: a key lacks the queue's hash tag.
    """
    if isinstance(effects, PackedEffects):
        return effects
    check(effects, queue)
    parts: list[bytes] = []
    for effect in effects:
        call = (effect.command, effect.key, *effect.args)
        parts.append(b"%d:" % len(call))
        parts += (b"%d:%b" % (len(raw), raw) for raw in map(_to_bytes, call))
    return b"".join(parts)


def _to_bytes(value: str | bytes | int) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
