"""Reads the history of a drill with jobs from Redis."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import redis

from app.broker import StreamsBroker
from app.core.job.events import JobFinished
from app.core.outcomes import Outcome
from app.store.admin.queue_stats import actor_and_job
from app.store.jobs.output_log import decode_entry
from app.store.jobs.records import decode_record
from app.store.keys import JOBS_QUEUE, StoreKeys
from tests.drill.checker import History, JobLog, violations
from tests.drill.load import Program

__all__ = ["count_dead_letter_reasons", "job_ids", "read_attempts", "read_history", "unfinished_jobs", "write_history"]

#: Keys that never expire: metrics, the worker registry, the id of the installation, and the streams of the queues,
#: which are empty.
_PERMANENT_KEYS = re.compile(
    # StorageReconciliation removes the entries of the storage ledgers every ten minutes (app/store/callers/storage.py).
    # Files and workspaces lose their contents within an hour (app/store/files/file_collection.py).
    rb"(\{[^}]+\}:((stream|redelivered|dead)(\.batch)?|storage-owners|storage:.+)|"
    rb"\{[^}]+\}:((all-)?file-storage.*|workspace-garbage|workspace-blobs:.+|blob:.+)|"
    rb"[^{:]+:(metrics|gauges|workers|languages|installation))$"
)
_QUEUE_STREAMS = re.compile(rb"\{[^}]+\}:(stream|redelivered)(\.batch)?$")


def read_history(
    broker: StreamsBroker, accepted: Mapping[str, Program], seen: Mapping[str, tuple[str, int]], left: int
) -> History:
    """Read how every job ended.

    Args:
        broker: Broker of the namespace.
        accepted: Programs by job id.
        seen: Outcome and attempt of the jobs that clients have seen finished.
        left: Number of messages that have not ended.
    """
    client, keys = broker.client, StoreKeys(broker.namespace)
    logs = {job_id: _read_log(client, keys, job_id, program, seen.get(job_id)) for job_id, program in accepted.items()}
    unexpected = job_ids(client, keys) - accepted.keys()
    dead_letters = broker.dead_letters(JOBS_QUEUE, count=1_000_000)
    dead = [
        job_id
        for _, job_id in (actor_and_job(dead_letter.message) for dead_letter in dead_letters)
        if job_id is not None
    ]
    ends = [
        (job_id, event.result) for job_id, log in logs.items() for event in log.events if isinstance(event, JobFinished)
    ]
    finished = [job_id for job_id, result in ends if result.outcome is not Outcome.INFRASTRUCTURE_ERROR]
    return History(
        accepted=list(accepted),
        finished=[*finished, *unexpected],
        dead=dead,
        left=left,
        logs=logs,
        leftover_keys=sorted(_find_leftover_keys(client, broker.namespace)),
    )


def write_history(file: Path, scenario: str, seed: int, summary: str, history: History) -> None:
    """Write a history with the seed of its run as JSON."""
    document = {
        "scenario": scenario,
        "seed": seed,
        "summary": summary,
        "violations": violations(history),
        "recovery_seconds": history.recovery_seconds,
        "restarts": dict(history.restarts),
        "accepted": list(history.accepted),
        "finished": list(history.finished),
        "dead": list(history.dead),
        "jobs": {
            job_id: {"attempt": log.attempt, "seen": log.seen, "outcome": log.recorded and log.recorded.outcome.value}
            for job_id, log in history.logs.items()
        },
    }
    file.write_text(json.dumps(document, indent=1), "utf-8")


def count_dead_letter_reasons(broker: StreamsBroker) -> str:
    """Return the number of dead letters for each reason, as text."""
    counted = Counter(dead_letter.reason[:200] for dead_letter in broker.dead_letters(JOBS_QUEUE, count=1_000_000))
    return "; ".join(f"{count} × {reason}" for reason, count in counted.most_common())


def _read_log(
    client: redis.Redis, keys: StoreKeys, job_id: str, program: Program, seen: tuple[str, int] | None
) -> JobLog:
    fields = client.hgetall(keys.record(job_id))
    entries = client.xrange(keys.output(job_id))
    record = decode_record(job_id, fields) if fields else None
    return JobLog(
        [decode_entry(entry_id, entry).event for entry_id, entry in entries],
        record and record.result,
        program.printed,
        record.attempt if record else 0,
        seen,
    )


def job_ids(client: redis.Redis, keys: StoreKeys) -> set[str]:
    """Return the ids of all jobs that have a record."""
    prefix = keys.record("")
    return {key.decode().removeprefix(prefix) for key in client.scan_iter(match=f"{prefix}*", count=1_000)}


def read_attempts(client: redis.Redis, keys: StoreKeys) -> Mapping[str, int]:
    """Return the number of the last attempt of each job, 0 if it was not started."""
    return {job_id: int(client.hget(keys.record(job_id), "attempt") or 0) for job_id in job_ids(client, keys)}


def unfinished_jobs(client: redis.Redis, keys: StoreKeys, candidates: set[str]) -> set[str]:
    """Return the jobs that have no result."""
    ordered = list(candidates)
    with client.pipeline(transaction=False) as pipeline:
        for job_id in ordered:
            pipeline.hexists(keys.record(job_id), "result")
        return {job_id for job_id, is_finished in zip(ordered, pipeline.execute(), strict=True) if not is_finished}


def _find_leftover_keys(client: redis.Redis, namespace: str) -> Iterator[str]:
    """Yield the keys without an expiry and the streams of the queue that are not empty."""
    for key in client.scan_iter(count=1_000):
        if (_QUEUE_STREAMS.match(key) and b":jobs}" in key and client.xlen(key)) or (
            client.ttl(key) == -1 and not _PERMANENT_KEYS.match(key)
        ):
            yield key.decode()
