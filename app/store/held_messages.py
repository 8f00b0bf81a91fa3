"""What workers hold now, and what of it runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from app.broker import PendingEntry, StreamsBroker
from app.store.message_subject import actor_and_job
from app.store.running_jobs import RunningJob, RunningJobs
from app.store.stats import HeldMessage
from app.store.submission import RUN_JOB

__all__ = ["held_by_worker"]

_MOST_HELD: Final = 1_000


def held_by_worker(broker: StreamsBroker, running: RunningJobs, queues: Iterable[str]) -> dict[str, list[HeldMessage]]:
    """By the workers' names. Raises what the client raises."""
    entries = [(queue, entry) for queue in queues for entry in broker.pending(queue, count=_MOST_HELD)]
    about = [actor_and_job(body) for body in _bodies(broker, [entry for _, entry in entries])]
    jobs = running.of([job_id for actor, job_id in about if actor == RUN_JOB and job_id is not None])
    held: dict[str, list[HeldMessage]] = {}
    for (queue, entry), (actor, job_id) in zip(entries, about, strict=True):
        job = jobs.get(job_id) if actor == RUN_JOB and job_id is not None else None
        held.setdefault(entry.consumer, []).append(_held(queue, entry, actor, job_id, job))
    return held


def _bodies(broker: StreamsBroker, entries: list[PendingEntry]) -> list[bytes]:
    """An entry that was finished in this moment has none."""
    with broker.client.pipeline(transaction=False) as pipeline:
        for entry in entries:
            pipeline.xrange(entry.stream, entry.entry_id, entry.entry_id)
        replies: list[Any] = pipeline.execute()
    return [rows[0][1].get(b"m", b"") if rows else b"" for rows in replies]


def _held(queue: str, entry: PendingEntry, actor: str, job_id: str | None, job: RunningJob | None) -> HeldMessage:
    return HeldMessage(
        queue=queue,
        lane=entry.lane.value,
        actor=actor,
        job_id=job_id,
        language=None if job is None else job.language,
        running_seconds=None if job is None else job.seconds,
        renewed_seconds_ago=entry.idle_ms / 1000,
    )
