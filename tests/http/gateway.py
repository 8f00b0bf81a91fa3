"""A gateway as app/wiring makes it: an ASGI server on a real socket, in the event loop of the test, on a real Redis."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Protocol
from unittest import mock

import httpx
import redis
import uvicorn
import websockets
from websockets.asyncio.client import ClientConnection

from app.config import Settings, read_settings
from app.core.job.results import JobRecord
from app.core.languages import LanguageInfo
from app.core.limits import LimitOverrides
from app.http.http_protocol import BoundedHttpProtocol, BoundedWebSocketProtocol
from app.http.openapi import document
from app.http.settings import HttpSettings
from app.sandbox.images.catalogue import load_languages
from app.store.jobs.records import decode_record
from app.store.keys import StoreKeys
from app.store.languages import publish_languages
from app.wiring import gateway as wiring
from tests.http.worker import ScriptedWorker

OPERATOR_KEY = "an-operator-key-that-is-long-enough-for-pyxec"
JOB = {"language": "python", "source": "print(1)"}
#: Published by the worker where a test depends on the properties of an installed language.
PYTHON = LanguageInfo(
    id="python",
    name="Python",
    file_name="main.py",
    aliases=("py", "python3"),
    version="3.11.2",
    limits=LimitOverrides(wall_seconds=20),
    template="print('hello')\n",
    piston=("python", "py", "py3", "python3"),
    judge0=(71,),
)
_TIMEOUT_SECONDS = 15
_POLL_SECONDS = 0.005


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


OPERATOR = bearer(OPERATOR_KEY)


@dataclass
class Gateway:
    """A running gateway, its worker, and the Redis server behind both. Requests of ``client`` are anonymous."""

    redis_url: str
    namespace: str
    port: int
    client: httpx.AsyncClient
    redis: redis.Redis = field(init=False)

    def __post_init__(self) -> None:
        self.redis = redis.Redis.from_url(self.redis_url)
        self.keys = StoreKeys(self.namespace)
        self.worker = ScriptedWorker(self.redis, self.namespace)

    async def create_key(self, **fields: Any) -> dict[str, Any]:
        """The response to the creation of an API key."""
        response = await self.client.post("/v1/admin/keys", json={"name": "test", **fields}, headers=OPERATOR)
        assert response.status_code == 201, response.text
        created: dict[str, Any] = response.json()
        return created

    async def create_caller(self, **fields: Any) -> dict[str, str]:
        """The Authorization header of a new API key."""
        return bearer((await self.create_key(**fields))["key"])

    async def submit(self, headers: dict[str, str] | None = None, **fields: Any) -> str:
        """The id of a new job."""
        response = await self.client.post("/v1/jobs", json={**JOB, **fields}, headers=headers)
        assert response.status_code == 202, response.text
        return str(response.json()["id"])

    def connect(self, path: str, **options: Any) -> websockets.connect:
        """Open a WebSocket."""
        return websockets.connect(f"ws://127.0.0.1:{self.port}{path}", **options)

    async def open_stream(self, job_id: str) -> ClientConnection:
        """Open the WebSocket of a job."""
        return await self.connect(f"/v1/jobs/{job_id}/stream")

    def publish_languages(self, *languages: LanguageInfo) -> None:
        """Report installed languages, as a worker does."""
        publish_languages(self.redis, self.keys, "host-1", languages)

    def record(self, job_id: str) -> JobRecord:
        """The record of a job, as it is stored."""
        fields: Any = self.redis.hgetall(self.keys.record(job_id))
        return decode_record(job_id, fields)

    def job_ids(self) -> list[str]:
        """The ids of all jobs that have a record."""
        prefix = self.keys.record("")
        return [key.decode().removeprefix(prefix) for key in self.redis.scan_iter(f"{prefix}*", count=1000)]

    def cursors(self, job_id: str) -> list[str]:
        """The cursor of each event in the output log of a job."""
        entries: Any = self.redis.xrange(self.keys.output(job_id))
        return [entry_id.decode() for entry_id, _ in entries]

    def is_watched(self, job_id: str) -> bool:
        """Whether the gateway is subscribed to the wake-ups of a job."""
        ((_, subscribers),) = self.redis.pubsub_numsub(self.keys.output_channel(job_id))
        return bool(subscribers)

    async def wait_for_job(self) -> str:
        """The id of the only job, once it is submitted."""
        await wait_until(lambda: bool(self.job_ids()))
        (job_id,) = self.job_ids()
        return job_id

    async def wait_for_viewer(self, job_id: str | None = None) -> str:
        """The id of a job, of the only one by default, once the gateway watches it for a client."""
        watched_id = await self.wait_for_job() if job_id is None else job_id
        await wait_until(lambda: self.is_watched(watched_id))
        return watched_id

    async def wait_for_departure(self, job_id: str) -> None:
        """Return once the gateway no longer watches a job."""
        await wait_until(lambda: not self.is_watched(job_id))

    async def close(self) -> None:
        """Stop the worker and close the connections of the test to Redis."""
        await self.worker.close()
        self.redis.close()


class StartGateway(Protocol):
    """Starts a gateway that is stopped at the end of the test; see ``running_gateway`` for the options."""

    async def __call__(self, redis_url: str = "", **options: Any) -> Gateway: ...


async def wait_until(condition: Callable[[], bool]) -> None:
    """Return once a condition holds; fail if it does not within 15 seconds."""
    async with asyncio.timeout(_TIMEOUT_SECONDS):
        while not condition():
            await asyncio.sleep(_POLL_SECONDS)


@asynccontextmanager
async def running_gateway(
    redis_url: str,
    namespace: str,
    *,
    worker_redis_url: str = "",
    languages: Sequence[LanguageInfo] = (),
    **options: Any,
) -> AsyncIterator[Gateway]:
    """Serve a gateway until the context ends.

    Args:
        worker_redis_url: The address of the same server for the worker and the test, if the gateway connects through
            a proxy.
        languages: Reported as installed. None: the gateway accepts the languages of the catalogue.
        options: In upper case, environment variables. In lower case, fields of HttpSettings that have no variable.
    """
    environment = {name: value for name, value in options.items() if name.isupper()}
    overrides = {name: value for name, value in options.items() if not name.isupper()}
    server = _Server(_create_api({"REDIS_URL": redis_url, "PYXEC_NAMESPACE": namespace, **environment}, overrides))
    port = await server.start()
    # There is no TLS here, and loading the certificates takes longer than starting the gateway.
    transport = httpx.AsyncHTTPTransport(verify=False)
    address = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=address, timeout=30, trust_env=False, transport=transport) as client:
            gateway = Gateway(worker_redis_url or redis_url, namespace, port, client)
            if languages:
                gateway.publish_languages(*languages)
            yield gateway
            await gateway.close()
    finally:
        await server.stop()


def _create_api(environment: dict[str, str], overrides: dict[str, Any]) -> Any:
    make_settings = wiring._http_settings

    def http_settings(settings: Settings) -> HttpSettings:
        return replace(make_settings(settings), **overrides)

    with (
        tempfile.NamedTemporaryFile("w") as key_file,
        mock.patch.object(wiring, "_http_settings", http_settings),
        # The catalogue and the OpenAPI document are the same in all tests, and creating them takes 40 ms.
        mock.patch.object(wiring, "load_languages", _load_languages),
        mock.patch.object(document, "make_document", _make_document),
    ):
        key_file.write(f"{OPERATOR_KEY}\n")
        key_file.flush()
        defaults = {"PYXEC_ADMIN_KEY_FILE": key_file.name, "PYXEC_RATE_BURST": "10000"}
        return wiring.create_api(read_settings({**defaults, **environment}))


_load_languages = cache(load_languages)
_make_document = cache(document.make_document)


class _Server(uvicorn.Server):
    """Starts and stops without uvicorn's main loop, which notices a request to stop only every 100 ms."""

    def __init__(self, app: Any) -> None:
        config = uvicorn.Config(
            app,
            port=0,
            http=BoundedHttpProtocol,
            ws=BoundedWebSocketProtocol,
            lifespan="on",
            log_config=None,
            proxy_headers=False,
        )
        super().__init__(config)
        config.load()
        self.lifespan = config.lifespan_class(config)

    async def start(self) -> int:
        """The port on which the server listens."""
        await self.startup()
        await self.on_tick(0)
        port: int = self.servers[0].sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Close every connection, then shut down the application."""
        for listener in self.servers:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await wait_until(lambda: not (self.server_state.connections or self.server_state.tasks))
        await self.lifespan.shutdown()
