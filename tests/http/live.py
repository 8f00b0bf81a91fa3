"""The gateway as app/wiring makes it, on a real server, with a worker whose every step the test takes itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import redis
import uvicorn
import websockets

from app.broker import StreamMessage, StreamsBroker
from app.config import read_settings
from app.core.artifacts import Artifact
from app.core.outcomes import Outcome
from app.core.results import JobResult
from app.store.effects import JobEffects, read_claim
from app.store.keys import JOBS_QUEUE, StoreKeys
from app.store.records import Claim
from app.wiring.gateway import create_api

OPERATOR_KEY = "the-operator-wrote-this-key-down-somewhere"
BEGUN_AT_MS = 1_700_000_000_000
JOB = {"language": "python", "source": "print(1)"}
OK = JobResult(outcome=Outcome.OK, exit_code=0, message="exited normally")


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


OPERATOR = bearer(OPERATOR_KEY)


@dataclass
class LiveGateway:
    """A running gateway and the server behind it. Requests of ``client`` are anonymous."""

    redis_url: str
    namespace: str
    port: int
    client: httpx.AsyncClient
    store: redis.Redis = field(init=False)

    def __post_init__(self) -> None:
        self.store = redis.Redis.from_url(self.redis_url)
        self.keys = StoreKeys(self.namespace)
        self.effects = JobEffects(self.keys, 600)
        self.broker = StreamsBroker(client=self.store, namespace=self.namespace)
        self.broker.declare_queue(JOBS_QUEUE)
        self.claims: dict[str, Claim] = {}

    async def new_key(self, **wanted: Any) -> dict[str, Any]:
        """A key, as it was told at its creation."""
        answer = await self.client.post("/v1/admin/keys", json={"name": "test", **wanted}, headers=OPERATOR)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def new_caller(self, **wanted: Any) -> dict[str, str]:
        """The header that says that one is somebody new."""
        return bearer((await self.new_key(**wanted))["key"])

    async def submit(self, headers: dict[str, str] | None = None, **more: Any) -> str:
        """The id of a new job."""
        answer = await self.client.post("/v1/jobs", json={**JOB, **more}, headers=headers)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def connect(self, path: str, **options: Any) -> websockets.connect:
        """A WebSocket."""
        return websockets.connect(f"ws://127.0.0.1:{self.port}{path}", **options)

    def take(self) -> StreamMessage:
        """The next delivery; fails when there is none."""
        delivery = next(self.broker.consume(JOBS_QUEUE, prefetch=10, timeout=200))
        assert isinstance(delivery, StreamMessage), "nothing was delivered"
        return delivery

    def begin(self) -> tuple[str, StreamMessage]:
        """A worker begins the next job."""
        return self.begun(self.take())

    def begun(self, delivery: StreamMessage) -> tuple[str, StreamMessage]:
        """A worker begins the job of this delivery."""
        job_id = str(delivery.args[0])
        effects = self.effects.begin(job_id, delivery.attempt, "worker-1", BEGUN_AT_MS)
        self.claims[job_id] = read_claim(self.broker.fenced(delivery, effects))
        return job_id, delivery

    def finish(self, job_id: str, delivery: StreamMessage, result: JobResult = OK) -> None:
        """And ends it."""
        claim = self.claims[job_id]
        effects = self.effects.finish(
            job_id,
            result,
            BEGUN_AT_MS + 500,
            account=claim.account,
            artifacts=[Artifact("left", b"{}")],
            has_webhook=claim.has_webhook,
        )
        delivery.finish_with(effects)
        self.broker.consume(JOBS_QUEUE).ack(delivery)

    def run(self, result: JobResult = OK) -> str:
        """Both, for the next job; returns its id."""
        job_id, delivery = self.begin()
        self.finish(job_id, delivery, result)
        return job_id

    def close(self) -> None:
        self.broker.close()
        self.store.close()


@asynccontextmanager
async def live_gateway(redis_url: str, namespace: str, folder: Path, **environment: str) -> AsyncIterator[LiveGateway]:
    """Serve until left. ``environment`` is what an operator would set."""
    key_file = folder / "admin-key"
    key_file.write_text(OPERATOR_KEY + "\n")
    usual = {"REDIS_URL": redis_url, "PYXEC_NAMESPACE": namespace, "PYXEC_ADMIN_KEY_FILE": str(key_file)}
    app = create_api(read_settings({**usual, "PYXEC_RATE_BURST": "10000", **environment}))
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="on", log_config=None, proxy_headers=False)
    )
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            gateway = LiveGateway(redis_url, namespace, port, client)
            yield gateway
            gateway.close()
    finally:
        server.should_exit = True
        await task
