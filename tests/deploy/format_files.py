"""The data that a version stores in Redis for a finished, a running, a queued and a dead-lettered job.

`python -m tests.deploy.format_files tests/deploy/formats/NAME.json` writes the data of this version to a file.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import redis

from tests.stack import Process, Stack, eventually, running_stack

__all__ = ["NAMESPACE", "load", "record"]

# Values contain the names of keys, so a file can only be loaded under this namespace.
NAMESPACE: Final = "formats"
_KINDS: Final = ("job", "out", "in", "stream", "redelivered", "waiting", "dead", "storage", "slots")

FINISHED: Final = {"language": "python", "source": "print('an early result')", "labels": {"kept": "yes"}}
RUNNING: Final = {
    "language": "python",
    "source": "import time; print('run', flush=True); time.sleep(2); print('again')",
}
DEAD: Final = {
    "language": "python",
    "source": "import time; print('first', flush=True); time.sleep(2); print('replayed')",
}
QUEUED: Final = {
    "language": "python",
    "source": "import sys; print(sys.argv[1], sys.stdin.read())",
    "args": ["read by"],
    "stdin": "a later version",
}


def record(folder: Path) -> dict[str, Any]:
    """Create one job in each state, and return their data.

    The states are: finished, running on a worker that was killed, queued, and dead-lettered after a killed worker.
    """
    with running_stack(folder, PYXEC_LEASE_SECONDS="3", PYXEC_MAX_DELIVERIES="1") as stack:
        stack.namespace = NAMESPACE
        stack.start_api()
        dead = _run_on_killed_worker(stack, stack.start_worker(), DEAD)
        worker = stack.start_worker()
        stack.wait_until_finished(dead)
        finished = _submit(stack, FINISHED)
        stack.wait_until_finished(finished)
        running = _run_on_killed_worker(stack, worker, RUNNING)
        # Otherwise Redis would deliver the next job to the connection of the killed worker.
        eventually(lambda: not _waits_for_messages(stack.client), 20)
        queued = _submit(stack, QUEUED)
        jobs = {"finished": finished, "running": running, "queued": queued, "dead": dead}
        return {**jobs, "keys": _dump(stack.client)}


def load(client: redis.Redis, file: dict[str, Any]) -> None:
    """Load the data of a file into a server."""
    for name, (kind, value) in file["keys"].items():
        _LOADERS[kind](client, name, value)


def _run_on_killed_worker(stack: Stack, worker: Process, job: dict[str, Any]) -> str:
    """Kill a worker while it runs a job that has printed something, and return the id of the job."""
    job_id = _submit(stack, job)
    eventually(lambda: '"output"' in stack.http.get(f"/v1/jobs/{job_id}/output").text, 20)
    worker.kill()
    return job_id


def _submit(stack: Stack, job: dict[str, Any]) -> str:
    response = stack.http.post("/v1/jobs", json=job).raise_for_status()
    return str(response.json()["id"])


def _waits_for_messages(client: redis.Redis) -> bool:
    return any(connection["cmd"] == "xreadgroup" for connection in client.client_list())


def _dump(client: redis.Redis) -> dict[str, Any]:
    names = sorted(name.decode() for name in client.keys(f"{{{NAMESPACE}:jobs}}:*"))
    wanted = [name for name in names if name.split("}:")[1].split(":")[0] in _KINDS]
    return {name: _dump_one(client, name) for name in wanted}


def _dump_one(client: redis.Redis, name: str) -> tuple[str, Any]:
    kind = client.type(name).decode()
    if kind == "hash":
        return kind, [[_text(field), _text(value)] for field, value in client.hgetall(name).items()]
    if kind == "zset":
        return kind, [[_text(member), score] for member, score in client.zrange(name, 0, -1, withscores=True)]
    assert kind == "stream", name
    entries = [[i.decode(), [[_text(f), _text(v)] for f, v in fields.items()]] for i, fields in client.xrange(name)]
    return kind, {"entries": entries, "groups": [_dump_group(client, name, g) for g in client.xinfo_groups(name)]}


def _dump_group(client: redis.Redis, name: str, group: dict[str, Any]) -> dict[str, Any]:
    held = client.xpending_range(name, group["name"], min="-", max="+", count=100)
    return {
        "name": group["name"].decode(),
        "read_to": group["last-delivered-id"].decode(),
        "held": [[entry["consumer"].decode(), entry["message_id"].decode()] for entry in held],
    }


def _load_hash(client: redis.Redis, name: str, value: list[list[str]]) -> None:
    client.hset(name, mapping={_bytes(field): _bytes(text) for field, text in value})


def _load_zset(client: redis.Redis, name: str, value: list[Any]) -> None:
    client.zadd(name, {_bytes(member): score for member, score in value})


def _load_stream(client: redis.Redis, name: str, value: dict[str, Any]) -> None:
    for entry_id, fields in value["entries"]:
        client.xadd(name, {_bytes(field): _bytes(text) for field, text in fields}, id=entry_id)
    for group in value["groups"]:
        client.xgroup_create(name, group["name"], group["read_to"], mkstream=True)
        for consumer, entry_id in group["held"]:
            client.xclaim(name, group["name"], consumer, 0, [entry_id], force=True)


_LOADERS: Final = {"hash": _load_hash, "zset": _load_zset, "stream": _load_stream}


def _text(value: bytes) -> str:
    return base64.b85encode(value).decode()


def _bytes(text: str) -> bytes:
    return base64.b85decode(text)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        Path(sys.argv[1]).write_text(json.dumps(record(Path(scratch)), indent=1) + "\n")
