"""Where a drill happens: Redis, the API, workers with real containers, each with its own way to Redis."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import docker
import redis

from app.broker import BrokerUnavailable, StreamsBroker
from app.sandbox.engine.client import Engine
from app.sandbox.reaper import remove_orphans
from app.store.keys import JOBS_QUEUE, StoreKeys
from tests.drill.checker import History
from tests.drill.clocks import FakeClock
from tests.drill.engine import DrillEngine, SmallDisk
from tests.drill.evidence import job_ids, read_history
from tests.drill.links import Link, Network, ProxyLink
from tests.drill.load import Load, Program
from tests.drill.server import Server
from tests.stack import ROOT, Process, Stack, eventually

__all__ = ["Member", "Settings", "Site"]

_ENGINE_URL = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
_GONE_SECONDS = 20.0
_YOUNG_SECONDS = 61.0
_BETWEEN_SWEEPS_SECONDS = 3.0


@dataclass(frozen=True)
class Settings:
    """What a site is made of.

    Parameters:
        threads: of each worker, so many jobs at a time.
        environment: of the API and of the workers.
        redis: options of its configuration.
        networks: cables between network namespaces instead of proxies.
        engine: one of the drill's own.
        server_disk_megabytes, engine_disk_megabytes: a disk of its own, that can be filled.
            fake_clocks: one for the workers and one for Redis, that can be set.
    """

    workers: int = 3
    threads: int = 4
    environment: Mapping[str, str] = field(default_factory=dict)
    redis: Mapping[str, str] = field(default_factory=dict)
    networks: bool = False
    engine: bool = False
    server_disk_megabytes: int = 0
    engine_disk_megabytes: int = 0
    fake_clocks: bool = False


@dataclass
class Member:
    """A worker process and its way to Redis."""

    link: Link
    log: Path
    pid: int

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    @property
    def is_alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True


class Site:
    """Everything is running when it is entered, and gone when it is left. Parameters: folder: for data and logs."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self.settings = settings
        self._exits = contextlib.ExitStack()
        self._logs = 0
        self.members: list[Member] = []
        self.accepted: dict[str, Program] = {}

    def __enter__(self) -> Site:
        try:
            self._build()
        except BaseException:
            self._exits.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    def _build(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self.workers_clock, self.server_clock = (FakeClock(self._folder / f"{name}.clock") for name in ("w", "s"))
        self._network = self._closing(Network()) if self.settings.networks else None
        self.server = self._server()
        self.engine = self._own_engine() if self.settings.engine else None
        self.stack = Stack(self._folder, dict(self._environment), server=self.server)
        self._exits.callback(self.stack.stop)
        self.judge = StreamsBroker(url=self.stack.redis_url, namespace=self.stack.namespace, lease_ms=self.lease_ms)
        self.judge.declare_queue(JOBS_QUEUE)
        self._exits.callback(self.judge.close)
        self._nursery = self._start_nursery()
        self.api_link = self._link()
        self.start_api()
        for _ in range(self.settings.workers):
            self.add_member()
        eventually(lambda: self.stack.http.get("/v1/languages").json()["languages"], 30)

    # --- its parts

    def start_api(self) -> Process:
        """With its own way to Redis."""
        self.stack.settings["REDIS_URL"] = self.api_link.url
        self.api = self.stack.start_api()
        return self.api

    def add_member(self, dies_at: int = 0) -> Member:
        """One more worker; `dies_at`: see tests/drill/doom.py."""
        self._logs += 1
        member = Member(self._link(), self._folder / f"member-{self._logs}.log", 0)
        self.members.append(member)
        self.start(member, dies_at)
        return member

    def start(self, member: Member, dies_at: int = 0) -> None:
        """A new process in the place of the last one."""
        environment = {**self._environment, "REDIS_URL": member.link.url, "PYXEC_NAMESPACE": self.stack.namespace}
        order = {
            "environment": environment,
            "log": str(member.log),
            "dies_at": dies_at,
            "threads": self.settings.threads,
        }
        assert self._nursery.stdin
        assert self._nursery.stdout
        self._nursery.stdin.write(json.dumps(order) + "\n")
        self._nursery.stdin.flush()
        member.pid = int(self._nursery.stdout.readline())

    def kill(self, member: Member) -> None:
        """As the kernel does when memory is short."""
        member.signal(signal.SIGKILL)
        eventually(lambda: not member.is_alive, 10, 0.005)

    @property
    def lease_ms(self) -> int:
        return int(float(self._environment["PYXEC_LEASE_SECONDS"]) * 1000)

    @property
    def proxies(self) -> list[ProxyLink]:
        """All ways to Redis, where they are proxies."""
        return [
            link for link in (self.api_link, *(member.link for member in self.members)) if isinstance(link, ProxyLink)
        ]

    # --- its end

    def drain(self, load: Load, seconds: float) -> History:
        """Let everything come to its end, undisturbed; sweep twice; say what is there of all loads so far."""
        load.finish()
        load.join()
        self.accepted |= load.accepted
        deadline = time.monotonic() + seconds
        while self.unfinished() and time.monotonic() < deadline:
            time.sleep(0.1)
        for _ in range(2):
            self.judge.recover(JOBS_QUEUE)
        return read_history(self.judge, self.accepted, self.unfinished())

    def containers_left(self) -> int:
        """Have all workers end; how many containers there are after two sweeps."""
        self._dismiss()
        return self._sweep_containers()

    def job_ids(self) -> set[str]:
        """Every job there is a record of."""
        return job_ids(self.judge.client, StoreKeys(self.stack.namespace))

    def ended(self) -> int:
        """Jobs that have a result."""
        keys, client = StoreKeys(self.stack.namespace), self.judge.client
        return sum(bool(client.hexists(keys.record(job_id), "result")) for job_id in self.job_ids())

    def started_again(self) -> int:
        """Jobs that were started more than once."""
        keys, client = StoreKeys(self.stack.namespace), self.judge.client
        return sum(int(client.hget(keys.record(job_id), "attempt") or 0) > 1 for job_id in self.job_ids())

    def running(self) -> int:
        """Messages that workers hold."""
        return len(self.judge.pending(JOBS_QUEUE))

    def unfinished(self) -> int:
        """Jobs that wait, run or are delayed; -1 when Redis does not say."""
        try:
            return self.judge.qsize(JOBS_QUEUE)
        except (BrokerUnavailable, redis.RedisError):
            return -1

    def _dismiss(self) -> None:
        """Workers end as they are asked to: what they keep warm goes with them."""
        for member in self.members:
            member.signal(signal.SIGCONT)
            member.signal(signal.SIGTERM)
        with contextlib.suppress(AssertionError):
            eventually(lambda: not any(member.is_alive for member in self.members), 40)

    def _sweep_containers(self) -> int:
        """How many are left after two sweeps of the reaper; those of killed workers that ever ran go by themselves."""
        with contextlib.suppress(AssertionError):
            eventually(lambda: not self._containers() - self._never_started(), _GONE_SECONDS, 0.2)
        stuck = len(self._containers() - self._never_started())
        engine = Engine(self._engine_url, 30)
        for pause_seconds in (0.0, _BETWEEN_SWEEPS_SECONDS):
            if self._containers():
                time.sleep(pause_seconds)
                remove_orphans(engine, self.stack.namespace, lambda _: False, time.time() + _YOUNG_SECONDS)
        engine.close()
        return max(stuck, len(self._containers()))

    def _containers(self, **filters: list[str]) -> set[str]:
        with contextlib.closing(docker.APIClient(base_url=self._engine_url, version="1.41")) as client:
            wanted = {"label": [f"org.pyxec={self.stack.namespace}"], **filters}
            return {container["Id"] for container in client.containers(all=True, filters=wanted)}

    def _never_started(self) -> set[str]:
        return self._containers(status=["created"])

    # --- how it is built

    @property
    def _engine_url(self) -> str:
        return self.engine.host if self.engine else _ENGINE_URL

    @property
    def _environment(self) -> dict[str, str]:
        own = {"PYXEC_LEASE_SECONDS": "2", "PYXEC_POOL_FLOOR": "0", "PYXEC_POOL_CEILING": "2"}
        own |= {"DOCKER_HOST": self._engine_url, "PYXEC_RATE_PER_MINUTE": "1000000", "PYXEC_RATE_BURST": "100000"}
        return {**own, **self.settings.environment}

    def _server(self) -> Server:
        data = self._folder / "data"
        if self.settings.server_disk_megabytes:
            self.server_disk = self._closing(SmallDisk(data, self.settings.server_disk_megabytes))
        log, options = self._folder / "redis.log", self.settings.redis
        if self._network is None:
            return Server(data, log, options, environment=self._clock(self.server_clock))
        return Server(data, log, options, launcher=self._network.launcher, host=self._network.home)

    def _own_engine(self) -> DrillEngine:
        data = self._folder / "engine"
        if self.settings.engine_disk_megabytes:
            self.engine_disk = self._closing(SmallDisk(data, self.settings.engine_disk_megabytes))
        return self._closing(DrillEngine(data))

    def _link(self) -> Link:
        if self._network is not None:
            return self._closing(self._network.cable(self.server.port))
        return self._closing(ProxyLink(self.server.port))

    def _clock(self, clock: FakeClock) -> Mapping[str, str]:
        return clock.environment if self.settings.fake_clocks else {}

    def _start_nursery(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.drill.nursery"]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYXEC_")}
        log = self._exits.enter_context((self._folder / "nursery.log").open("w"))
        nursery = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**kept, **self._clock(self.workers_clock)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        self._exits.callback(self._end_nursery, nursery)
        assert nursery.stdout
        assert nursery.stdout.readline() == "ready\n"
        return nursery

    def _end_nursery(self, nursery: subprocess.Popen[str]) -> None:
        for member in self.members:
            member.signal(signal.SIGKILL)
        nursery.kill()
        nursery.communicate()

    def _closing(self, one):  # type: ignore[no-untyped-def]
        self._exits.callback(one.close)
        return one
