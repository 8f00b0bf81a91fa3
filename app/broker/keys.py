"""The names of everything a queue keeps in Redis. One hash tag a queue, so one slot of a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from dramatiq.common import q_name

from app.broker.lanes import DEFAULT_LANE, Lane

__all__ = ["GROUP", "REAPER", "LaneKeys", "QueueKeys", "check_key", "hash_tag", "keys_of"]

GROUP = "workers"

#: The consumer a sweep claims to, for the length of one script.
REAPER = "reaper"


@dataclass(frozen=True)
class LaneKeys:
    """The keys of one lane of one queue. The default lane's have no suffix.

    Parameters:
        tag: the queue's hash tag.
    """

    tag: str
    lane: Lane

    def _key(self, name: str) -> str:
        return f"{self.tag}:{name}" if self.lane is DEFAULT_LANE else f"{self.tag}:{name}.{self.lane}"

    @cached_property
    def stream(self) -> str:
        """The work: fields m (message), n (deliveries lost so far), a (starts so far), d (packed on_dead effects),
        b (born: when it was accepted, in ms, if the entry's id does not say it)."""
        return self._key("stream")

    @cached_property
    def again(self) -> str:
        """The same, for what was handed out before and came back: it is read first, ahead of any backlog."""
        return self._key("again")

    @cached_property
    def delayed(self) -> str:
        """Sorted set: delayed id -> due time in ms on the server's clock."""
        return self._key("delayed")

    @cached_property
    def delayed_bodies(self) -> str:
        """Hash: delayed id -> packed entry, see lua/entry.lua."""
        return self._key("delayed.bodies")


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
    def lanes(self) -> dict[Lane, LaneKeys]:
        """The keys of each lane, the default lane first."""
        return {lane: LaneKeys(self.tag, lane) for lane in Lane}

    @property
    def stream(self) -> str:
        """The default lane's."""
        return self.lanes[DEFAULT_LANE].stream

    @property
    def again(self) -> str:
        """The default lane's."""
        return self.lanes[DEFAULT_LANE].again

    @property
    def delayed(self) -> str:
        """The default lane's."""
        return self.lanes[DEFAULT_LANE].delayed

    @property
    def delayed_bodies(self) -> str:
        """The default lane's."""
        return self.lanes[DEFAULT_LANE].delayed_bodies

    @cached_property
    def streams(self) -> tuple[str, ...]:
        """Everything workers read, of all lanes: first what came back, then what is new."""
        lanes = self.lanes.values()
        return (*(lane.again for lane in lanes), *(lane.stream for lane in lanes))

    @cached_property
    def backlog(self) -> tuple[str, ...]:
        """What the messages are counted by that are not dead: the streams, then the sorted sets of delayed ones."""
        return (*self.streams, *(lane.delayed for lane in self.lanes.values()))

    @cached_property
    def content(self) -> tuple[str, ...]:
        """Everything that holds messages which are not dead."""
        lanes = self.lanes.values()
        return (*self.backlog, *(lane.delayed_bodies for lane in lanes))

    def lane_of(self, stream: str) -> Lane:
        """Which lane one of the `streams` belongs to."""
        return self._lane_of_stream[stream]

    @cached_property
    def _lane_of_stream(self) -> dict[str, Lane]:
        return {stream: keys.lane for keys in self.lanes.values() for stream in (keys.again, keys.stream)}

    @cached_property
    def dead(self) -> str:
        """Stream of dead letters; an id's first half is the time of death."""
        return f"{self.tag}:dead"

    @cached_property
    def sweep(self) -> str:
        """Token of the process that sweeps now; expires by itself."""
        return f"{self.tag}:sweep"

    def result(self, message_id: str) -> str:
        """List of one: what `StreamResults` stored; expires."""
        return f"{self.tag}:result:{message_id}"

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


def check_key(key: str, queue: QueueKeys, user: str) -> None:
    """Refuse a key of another slot.

    Raises:
        ValueError: naming who wanted to use it, and the hash tag that it lacks.
    """
    # Nearly every key begins with its tag; then there is nothing to search for.
    if not key.startswith(queue.tag) and hash_tag(key) != queue.tag:
        raise ValueError(f"{user} {key!r}: the key must carry the hash tag {queue.tag!r}")
