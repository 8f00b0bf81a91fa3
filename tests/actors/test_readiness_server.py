"""The probes of a worker process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from app.actors.readiness_server import ReadinessServer


@contextmanager
def probed(reason: str | None, port: int = 0) -> Iterator[tuple[ReadinessServer, httpx.Client]]:
    server = ReadinessServer(port, lambda: reason)
    server.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client:
            yield server, client
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("reason", "status", "document"),
    [
        (None, 200, {"status": "ready"}),
        ("engine-not-answering", 503, {"status": "paused", "reason": "engine-not-answering"}),
    ],
)
def test_guarantee_3_readyz_reports_the_pause_of_a_worker(
    reason: str | None, status: int, document: dict[str, str]
) -> None:
    with probed(reason) as (_, client):
        response = client.get("/readyz")
        assert (response.status_code, response.json()) == (status, document)
        assert client.get("/livez").status_code == 200
        assert client.get("/").status_code == 404


def test_worker_runs_without_the_server_when_the_port_is_in_use() -> None:
    with probed(None) as (server, client), probed("paused", server.port):
        assert client.get("/readyz").status_code == 200
