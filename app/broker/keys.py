"""The names of everything a queue keeps in Redis. One hash tag a queue, so one slot of a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from dramatiq.common import q_name

__all__ = ["GROUP", "REAPER", "QueueKeys", "hash_tag", "keys_of"]

GROUP = "workers"

#: The consumer a sweep claims to, for the length of one script.
REAPER = "reaper"


@dataclass(frozen=True)
class QueueKeys:
    """The keys of one queue.

    Parameters:
        namespace: the prefix of every key; without braces, they delimit the hash tag.
        queue: the canonical queue name, never a delay queue's.
    """

    namespace: str
    queue: str

    def __post_init__(self) -> None:
        if any(brace in self.namespace + self.queue for brace in "{}"):
            raise ValueError(
                f"braces are not allowed in {self.namespace!r} or {self.queue!r}: they delimit the hash tag"
            )

    @cached_property
    def tag(self) -> str:
        """What every key of this queue, and every key of an `Effect` on it, must contain."""
        return f"{{{self.namespace}:{self.queue}}}"

    @cached_property
    def stream(self) -> str:
        """The work: fields m (message), n (deliveries lost so far), a (starts so far), d (packed on_dead effects)."""
        return f"{self.tag}:stream"

    @cached_property
    def again(self) -> str:
        """The same, for what was handed out before and came back: it is read first, ahead of any backlog."""
        return f"{self.tag}:again"

    @property
    def streams(self) -> tuple[str, str]:
        """Everything workers read, in the order they do."""
        return self.again, self.stream

    @cached_property
    def delayed(self) -> str:
        """Sorted set: delayed id -> due time in ms on the server's clock."""
        return f"{self.tag}:delayed"

    @cached_property
    def delayed_bodies(self) -> str:
        """Hash: delayed id -> packed entry, see lua/entry.lua."""
        return f"{self.tag}:delayed.bodies"

    @cached_property
    def dead(self) -> str:
        """Stream of dead letters; an id's first half is the time of death."""
        return f"{self.tag}:dead"

    @cached_property
    def sweep(self) -> str:
        """Token of the process that sweeps now; expires by itself."""
        return f"{self.tag}:sweep"

    @property
    def group(self) -> str:
        """The consumer group all workers share."""
        return GROUP


@lru_cache(maxsize=4096)
def keys_of(namespace: str, queue_name: str) -> QueueKeys:
    """The keys of a queue, or of the queue a delay queue belongs to."""
    return QueueKeys(namespace, q_name(queue_name))


def hash_tag(key: str) -> str | None:
    """The part of a key that chooses its slot, braces included; None when the whole key does."""
    start = key.find("{")
    end = key.find("}", start + 1)
    return key[start : end + 1] if start >= 0 and end > start + 1 else None
