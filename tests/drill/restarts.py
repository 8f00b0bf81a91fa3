"""Reasons why jobs were started more than once, from the records of the jobs and the logs of the workers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["LOST_LEASE", "UNKNOWN", "LogEvent", "count_restart_reasons", "read_log_events"]

#: One line of the log of a worker.
LogEvent = Mapping[str, Any]

#: The worker was alive, and its lease expired while the job ran, or before its result was written.
LOST_LEASE = "lease expired"
UNKNOWN = "reason unknown"

_ENGINE_ERRORS = ("EngineUnavailable", "SandboxLost", "ProtocolError")


def read_log_events(logs: Iterable[Path]) -> Iterator[LogEvent]:
    """Yield the events of jobs in the logs of workers. A killed worker may have left an incomplete line."""
    for log in logs:
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("{") and line.endswith("}") and '"job_id"' in line:
                yield json.loads(line)


def count_restart_reasons(
    attempts: Mapping[str, int],
    events: Iterable[LogEvent],
    killed: Collection[int],
    terminated: Collection[int],
) -> Counter[str]:
    """Count the lost attempts of all jobs by reason.

    Args:
        attempts: Number of the last attempt by job id.
        events: Events of the logs of all workers.
        killed: Process ids of the workers that were killed.
        terminated: Process ids of the workers that were terminated with SIGTERM.
    """
    events_by_attempt: dict[tuple[str, int], list[LogEvent]] = {}
    for event in events:
        events_by_attempt.setdefault((event["job_id"], event.get("attempt", 0)), []).append(event)
    return Counter(
        _find_reason(events_by_attempt.get((job_id, attempt), []), killed, terminated)
        for job_id, last in attempts.items()
        for attempt in range(1, last)
    )


def _find_reason(events: Iterable[LogEvent], killed: Collection[int], terminated: Collection[int]) -> str:
    """Return why an attempt was lost, from its events."""
    # A released job keeps the number of its attempt: the events of the worker that released it do not count.
    latest = sorted(events, key=lambda event: event["timestamp"])
    names = {event["event"] for event in latest}
    failures = [event["error"] for event in latest if event["event"] == "job_attempt_failed"]
    if failures:
        return _classify(failures[-1])
    pid = _read_pid(latest[-1]["worker"]) if latest else None
    if pid in terminated:
        return "released at the deadline of a shutdown"
    # A killed worker reports nothing. Its job may not have reached a container, and then it has no event at all.
    if pid in killed or (pid is None and killed):
        return "worker killed"
    return LOST_LEASE if names & {"job_fenced", "job_ended"} else UNKNOWN


def _classify(error: str) -> str:
    kind = error.split(":")[0]
    if "Redis did not answer" in error:
        return "Redis did not answer"
    return "engine failed" if kind in _ENGINE_ERRORS else kind


def _read_pid(worker: str) -> int:
    """Return the process id in the name of a worker (`Deliveries.consumer_name`)."""
    return int(worker.split(":")[-2])
