"""Names of the Redis keys of a queue. They share one hash tag, so that a cluster keeps them in one slot."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from dramatiq.common import q_name

from app.broker.lanes import DEFAULT_LANE, Lane

__all__ = ["GROUP", "REAPER", "LaneKeys", "QueueKeys", "check_key", "queue_keys"]

#: The consumer group of all workers.
GROUP = "workers"

#: The consumer that owns an entry while lua/recover.lua moves it.
REAPER = "reaper"


@dataclass(frozen=True)
class LaneKeys:
    """Keys of one lane of a queue. The keys of the default lane have no suffix.

    Attributes:
        tag: Hash tag of the queue.
        lane: The lane.
    """

    tag: str
    lane: Lane

    @cached_property
    def stream(self) -> str:
        """Stream of new messages. lua/entry.lua describes the fields of an entry."""
        return self._key("stream")

    @cached_property
    def redelivered(self) -> str:
        """Stream of recovered and released messages. Consumers read it before `stream`."""
        return self._key("redelivered")

    @cached_property
    def delayed(self) -> str:
        """Sorted set: delayed id -> Unix time in ms at which the message is due."""
        return self._key("delayed")

    @cached_property
    def delayed_entries(self) -> str:
        """Hash: delayed id -> entry in MessagePack."""
        return self._key("delayed.entries")

    def _key(self, name: str) -> str:
        return f"{self.tag}:{name}" if self.lane is DEFAULT_LANE else f"{self.tag}:{name}.{self.lane}"


@dataclass(frozen=True)
class QueueKeys:
    """Keys of one queue.

    Attributes:
        namespace: Prefix of every key.
        queue: Canonical name of the queue, without Dramatiq's suffix for delay queues.

    Raises:
        ValueError: The namespace or the name contains a brace, which delimits the hash tag.
    """

    namespace: str
    queue: str

    def __post_init__(self) -> None:
        if any(brace in self.namespace + self.queue for brace in "{}"):
            raise ValueError(f"namespace {self.namespace!r} and queue {self.queue!r} must not contain braces")

    @property
    def group(self) -> str:
        """The consumer group of all workers."""
        return GROUP

    @cached_property
    def tag(self) -> str:
        """Hash tag that every key of the queue contains, also the keys of its effects."""
        return f"{{{self.namespace}:{self.queue}}}"

    @cached_property
    def lanes(self) -> dict[Lane, LaneKeys]:
        """Keys of each lane, the default lane first."""
        return {lane: LaneKeys(self.tag, lane) for lane in Lane}

    @property
    def stream(self) -> str:
        """Stream of new messages of the default lane."""
        return self.lanes[DEFAULT_LANE].stream

    @cached_property
    def streams(self) -> tuple[str, ...]:
        """Streams that consumers read: those of redelivered messages of all lanes, then those of new messages."""
        lanes = self.lanes.values()
        return (*(lane.redelivered for lane in lanes), *(lane.stream for lane in lanes))

    @cached_property
    def backlog(self) -> tuple[str, ...]:
        """Keys whose sizes add up to the backlog: `streams`, then the sorted set of delayed messages of each lane."""
        return (*self.streams, *(lane.delayed for lane in self.lanes.values()))

    @cached_property
    def dead_letters(self) -> str:
        """Stream of dead letters."""
        return f"{self.tag}:dead"

    @cached_property
    def sweep_token(self) -> str:
        """String that exists while one process recovers the queue. It expires."""
        return f"{self.tag}:sweep"

    @cached_property
    def availability(self) -> str:
        """Hash that shows how long the server has been available; see lua/recovery_rule.lua. It expires."""
        return f"{self.tag}:availability"

    @cached_property
    def paused(self) -> str:
        """Hash that exists while the queue is paused: stream -> last delivered id; ``paused_at_ms``."""
        return f"{self.tag}:paused"

    @cached_property
    def workers(self) -> str:
        """Sorted set: name of a worker of the queue -> Unix time in ms at which it last renewed its lease."""
        return f"{self.tag}:workers"

    def lane_of_stream(self, stream: str) -> Lane:
        """Return the lane of one of `streams`."""
        return self._lanes_by_stream[stream]

    def result(self, message_id: str) -> str:
        """List with the result of a message as its only element. It expires."""
        return f"{self.tag}:result:{message_id}"

    @cached_property
    def _lanes_by_stream(self) -> dict[str, Lane]:
        return {stream: keys.lane for keys in self.lanes.values() for stream in (keys.redelivered, keys.stream)}


@lru_cache(maxsize=4096)
def queue_keys(namespace: str, queue_name: str) -> QueueKeys:
    """Return the keys of a queue. For a delay queue, these are the keys of the queue that it belongs to."""
    return QueueKeys(namespace, q_name(queue_name))


def check_key(key: str, queue: QueueKeys, user: str) -> None:
    """Check that a key is in the slot of a queue.

    Args:
        key: The key.
        queue: Keys of the queue.
        user: What the key is used for; part of the error message.

    Raises:
        ValueError: The key does not have the hash tag of the queue.
    """
    # Nearly every key begins with its tag, so that no search is needed.
    if not key.startswith(queue.tag) and _hash_tag(key) != queue.tag:
        raise ValueError(f"{user} {key!r}: the key must contain the hash tag {queue.tag!r}")


def _hash_tag(key: str) -> str | None:
    """Return the hash tag with its braces, as the Redis cluster specification defines it."""
    start = key.find("{")
    end = key.find("}", start + 1)
    return key[start : end + 1] if start >= 0 and end > start + 1 else None
