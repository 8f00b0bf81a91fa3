"""Jobs of a given size, and the bytes that count for their owner."""

from __future__ import annotations

from typing import Any

import msgspec

from app.core.job.spec import SourceFile
from app.core.job.submission import NewJob
from tests.store.live_store import CALLER, SPEC, LiveStore, new_job

__all__ = ["sized_job", "stored_bytes"]


def sized_job(job_id: str, size: int, owner: str = CALLER.owner, **changes: Any) -> NewJob:
    """A job whose source has ``size`` bytes."""
    spec = msgspec.structs.replace(SPEC, files=(SourceFile("main.py", b"#" * size),))
    return msgspec.structs.replace(new_job(job_id, spec=spec), owner=owner, **changes)


def stored_bytes(store: LiveStore, owner: str = CALLER.owner) -> int:
    """The bytes that the quota of an owner counts."""
    return int(store.client.hget(store.keys.storage(owner), ":total") or 0)
