"""The record's part of replaying a dead letter."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import redis

from app.core.errors import NotReplayable
from app.core.outcomes import Outcome
from app.store.keys import StoreKeys
from app.store.records import About
from app.store.scripts import read_lua

__all__ = ["Replays"]

_REPLAY: Final = read_lua("replay")
_REFUSALS: Final = {
    b"expired": "the record of the job has expired",
    b"finished": "the job has a result",
}
_about_decoder: Final = msgspec.msgpack.Decoder(About)


class Replays:
    """For blocking code. Raises what the client raises."""

    def __init__(self, client: redis.Redis, keys: StoreKeys) -> None:
        self._client = client
        self._keys = keys
        self._script: Any = client.register_script(_REPLAY)

    def prepare(self, job_id: str) -> None:
        """Queue the job again, as far as its record goes; its message has to follow. Again is no harm: whoever died
        between the two steps is followed by somebody who takes both.

        Raises:
            NotReplayable: the job could not run.
        """
        keys = self._keys
        about: Any = self._client.hget(keys.record(job_id), "about")
        if about is None:
            raise NotReplayable(_REFUSALS[b"expired"])
        line = keys.waiting(_about_decoder.decode(about).priority)
        reply: bytes = self._script(
            keys=[keys.record(job_id), keys.output(job_id), line],
            args=[job_id, Outcome.INFRASTRUCTURE_ERROR.value, keys.output_channel(job_id)],
        )
        if reply in _REFUSALS:
            raise NotReplayable(_REFUSALS[reply])
