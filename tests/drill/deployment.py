"""The deployment under test: Redis, the API and workers with real containers, each with its own link to Redis."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import redis

import app.config
from app.broker import BrokerUnavailable, StreamsBroker
from app.local.engine import engine_host
from app.sandbox.engine.client import Engine, connect_docker
from app.sandbox.reaper import remove_orphans
from app.store.installation import read_installation
from app.store.keys import JOBS_QUEUE, StoreKeys
from tests.drill.checker import History
from tests.drill.clocks import FakeClock
from tests.drill.engine import DrillEngine, EngineProxy, SmallDisk
from tests.drill.fault_points import FaultPoint
from tests.drill.history import job_ids, read_attempts, read_history, unfinished_jobs
from tests.drill.links import Link, Network, ProxyLink
from tests.drill.load import Load, Program
from tests.drill.restarts import count_restart_reasons, read_log_events
from tests.drill.server import Server
from tests.stack import ROOT, Process, Stack, eventually

__all__ = ["Deployment", "Settings", "WorkerProcess"]

_ENGINE_URL = engine_host()
_REMOVAL_SECONDS = 20.0
_MIN_AGE_SECONDS = 61.0
_BETWEEN_REAPER_RUNS_SECONDS = 3.0
_POLL_SECONDS = 0.05
_MAX_DELIVERIES = app.config.Settings.model_fields["max_deliveries"].default


@dataclass(frozen=True)
class Settings:
    """Settings of a deployment.

    Attributes:
        workers: Number of worker processes.
        threads: Threads of each worker.
        environment: Additional environment variables of the API and the workers.
        redis: Options of the configuration of Redis.
        networks: Whether links are network devices between namespaces instead of proxies.
        engine: Whether the drill starts its own engine.
        languages: Languages whose images its own engine has.
        engine_proxy: Whether the workers use the engine through a proxy that can delay requests.
        server_disk_megabytes: Size of the separate disk of Redis in MiB, 0 for none.
        engine_disk_megabytes: Size of the separate disk of the engine in MiB, 0 for none.
        fake_clocks: Whether workers and Redis have clocks that can be set.
        namespace: Namespace in Redis and on the engine. Empty for a random one.
        time_factor: Number by which the waiting times of the workers that are not settings are divided.
        grace_seconds: Time after SIGTERM during which a worker finishes running jobs.
    """

    workers: int = 3
    threads: int = 4
    environment: Mapping[str, str] = field(default_factory=dict)
    redis: Mapping[str, str] = field(default_factory=dict)
    networks: bool = False
    engine: bool = False
    languages: Sequence[str] = ("bash",)
    engine_proxy: bool = False
    server_disk_megabytes: int = 0
    engine_disk_megabytes: int = 0
    fake_clocks: bool = False
    namespace: str = ""
    time_factor: float = 1.0
    grace_seconds: float = 60.0


@dataclass
class WorkerProcess:
    """A worker process and its link to Redis."""

    link: Link
    log: Path
    pid: int

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    @property
    def is_alive(self) -> bool:
        return _is_running(self.pid)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Deployment:
    """Context manager that starts and stops all processes.

    Args:
        folder: For data and logs.
        settings: What to start.

    Attributes:
        workers: The workers that are running or will be started again.
        accepted: Programs of the jobs of all loads, by job id.
        seen: See `Load.seen`.
        others: Violations of an expectation of the scenario, which a fault adds.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings
        self._exits = contextlib.ExitStack()
        self._logs = 0
        self.workers: list[WorkerProcess] = []
        self.accepted: dict[str, Program] = {}
        self.seen: dict[str, tuple[str, int]] = {}
        self.others: list[str] = []
        self._single_starts: set[str] = set()
        self._started: set[int] = set()
        self._terminated: set[int] = set()

    def __enter__(self) -> Deployment:
        try:
            self._build()
        except BaseException:
            self._exits.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    def _build(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.workers_clock, self.server_clock = (FakeClock(self.folder / f"{name}.clock") for name in ("w", "s"))
        self._network = self._close_at_exit(Network()) if self.settings.networks else None
        self.server = self._server()
        self.engine = self._own_engine() if self.settings.engine else None
        if self.settings.engine_proxy:
            self.engine_proxy = self._exits.enter_context(EngineProxy(self._engine_url))
        self.stack = Stack(self.folder, dict(self._environment), server=self.server)
        self.stack.namespace = self.settings.namespace or self.stack.namespace
        self._exits.callback(self.stack.stop)
        self.broker = StreamsBroker(url=self.stack.redis_url, namespace=self.stack.namespace, lease_ms=self.lease_ms)
        self.broker.declare_queue(JOBS_QUEUE)
        self._exits.callback(self.broker.close)
        self._factory = self._start_factory()
        self.api_link = self._link()
        self.start_api()
        for _ in range(self.settings.workers):
            self.add_worker()
        eventually(lambda: self.stack.http.get("/v1/languages").json()["languages"], 30)

    # --- processes

    def start_api(self) -> Process:
        """Start the API with its own link to Redis."""
        self.stack.settings["REDIS_URL"] = self.api_link.url
        self.api = self.stack.start_api()
        return self.api

    def add_worker(self, fault_point: FaultPoint | None = None, threads: int = 0) -> WorkerProcess:
        """Start an additional worker.

        Args:
            fault_point: Signal that the worker sends before a step.
            threads: Number of its threads, 0 for that of the settings.
        """
        self._logs += 1
        worker = WorkerProcess(self._link(), self.folder / f"worker-{self._logs}.log", 0)
        self.workers.append(worker)
        self.start(worker, fault_point, threads)
        return worker

    def start(self, worker: WorkerProcess, fault_point: FaultPoint | None = None, threads: int = 0) -> None:
        """Start a new process for a worker that has exited."""
        environment = {**self._environment, "REDIS_URL": worker.link.url, "PYXEC_NAMESPACE": self.stack.namespace}
        if self.settings.engine_proxy:
            environment["DOCKER_HOST"] = f"tcp://127.0.0.1:{self.engine_proxy.port}"
        request = {
            "environment": environment,
            "log": str(worker.log),
            "fault_point": fault_point and dataclasses.asdict(fault_point),
            "threads": threads or self.settings.threads,
            "time_factor": self.settings.time_factor,
            "grace_ms": round(self.settings.grace_seconds * 1000),
        }
        assert self._factory.stdin
        assert self._factory.stdout
        self._factory.stdin.write(json.dumps(request) + "\n")
        self._factory.stdin.flush()
        worker.pid = int(self._factory.stdout.readline())
        self._started.add(worker.pid)

    def kill(self, worker: WorkerProcess) -> None:
        """Kill a worker with SIGKILL and wait until it has exited."""
        worker.signal(signal.SIGKILL)
        eventually(lambda: not worker.is_alive, 10, 0.005)

    def terminate(self, worker: WorkerProcess) -> None:
        """Ask a worker to exit with SIGTERM."""
        self._terminated.add(worker.pid)
        worker.signal(signal.SIGTERM)

    @property
    def lease_ms(self) -> int:
        return int(float(self._environment["PYXEC_LEASE_SECONDS"]) * 1000)

    @property
    def proxies(self) -> list[ProxyLink]:
        """All links to Redis that are proxies."""
        return [
            link for link in (self.api_link, *(worker.link for worker in self.workers)) if isinstance(link, ProxyLink)
        ]

    # --- results

    def expect_single_start(self, jobs: Iterable[str]) -> None:
        """Expect that no worker starts these jobs a second time."""
        self._single_starts |= set(jobs)

    def drain(self, load: Load, seconds: float) -> History:
        """Wait until all jobs of all loads have ended, recover the queue twice, and return the history.

        Args:
            load: The load. The fault ends with the call of this method.
            seconds: How long to wait after the last submission.
        """
        recovery_seconds = self._wait_for_recovery(load, seconds)
        load.join()
        self.accepted |= load.accepted
        self.seen |= load.seen
        deadline = time.monotonic() + seconds
        while self.count_unfinished() and time.monotonic() < deadline:
            time.sleep(0.1)
        killed = {pid for pid in self._started - self._terminated if not _is_running(pid)}
        for _ in range(2):
            self.broker.recover(JOBS_QUEUE)
        attempts = self.read_attempts()
        events = read_log_events(self.folder.glob("worker-*.log"))
        history = read_history(self.broker, self.accepted, self.seen, self.count_unfinished())
        return dataclasses.replace(
            history,
            recovery_seconds=recovery_seconds,
            restarts=count_restart_reasons(attempts, events, killed, self._terminated),
            restarted=sum(attempt > 1 for attempt in attempts.values()),
            others=[
                *self.others,
                *(f"job {job_id} was started again" for job_id in self._single_starts if attempts.get(job_id, 0) > 1),
                *self._find_early_dead_letters(history, attempts),
            ],
        )

    def _find_early_dead_letters(self, history: History, attempts: Mapping[str, int]) -> list[str]:
        """Return a violation for each dead letter whose job was not started as often as the setting allows."""
        allowed = int(self._environment.get("PYXEC_MAX_DELIVERIES", _MAX_DELIVERIES))
        return [
            f"job {job_id} became a dead letter after {attempts[str(job_id)]} starts"
            for job_id in history.dead
            if attempts[str(job_id)] < allowed
        ]

    def _wait_for_recovery(self, load: Load, seconds: float) -> float:
        """Finish a load. Return how long it takes until all jobs have ended that are accepted now."""
        keys, started = StoreKeys(self.stack.namespace), time.monotonic()
        unfinished = unfinished_jobs(self.broker.client, keys, self.job_ids())
        load.finish()
        while unfinished and time.monotonic() < started + seconds:
            time.sleep(_POLL_SECONDS)
            unfinished = unfinished_jobs(self.broker.client, keys, unfinished)
        return round(time.monotonic() - started, 1)

    def count_leftover_containers(self) -> int:
        """Stop all workers, run the reaper twice, and return the number of remaining containers."""
        self._terminate_workers()
        return self._reap_containers()

    def _terminate_workers(self) -> None:
        """Terminate all workers, which remove their warm containers."""
        for worker in self.workers:
            worker.signal(signal.SIGCONT)
            worker.signal(signal.SIGTERM)
        with contextlib.suppress(AssertionError):
            eventually(lambda: not any(worker.is_alive for worker in self.workers), 40)

    def job_ids(self) -> set[str]:
        """Return the ids of all jobs that have a record."""
        return job_ids(self.broker.client, StoreKeys(self.stack.namespace))

    def finished_jobs(self) -> set[str]:
        """Return the ids of the jobs that have a result."""
        jobs = self.job_ids()
        return jobs - unfinished_jobs(self.broker.client, StoreKeys(self.stack.namespace), jobs)

    def count_finished(self) -> int:
        """Return the number of jobs that have a result."""
        return len(self.finished_jobs())

    def read_attempts(self) -> Mapping[str, int]:
        """Return the number of the last attempt of each job, 0 if it was not started."""
        return read_attempts(self.broker.client, StoreKeys(self.stack.namespace))

    def count_held(self) -> int:
        """Return the number of messages that workers hold."""
        return len(self.broker.pending(JOBS_QUEUE))

    def count_unfinished(self) -> int:
        """Return the number of waiting, running and delayed jobs, -1 if Redis does not answer."""
        try:
            return self.broker.qsize(JOBS_QUEUE)
        except (BrokerUnavailable, redis.RedisError):
            return -1

    def _reap_containers(self) -> int:
        """Run the reaper twice and return the number of remaining containers.

        Started containers of killed workers must end without the reaper.
        """
        with contextlib.suppress(AssertionError):
            eventually(lambda: not self._containers() - self._never_started(), _REMOVAL_SECONDS, 0.2)
        stuck = len(self._containers() - self._never_started())
        engine = Engine(self._engine_url, 30)
        for pause_seconds in (0.0, _BETWEEN_REAPER_RUNS_SECONDS):
            if self._containers():
                time.sleep(pause_seconds)
                installation, later = self._installation(), time.time() + _MIN_AGE_SECONDS
                remove_orphans(engine, self.stack.namespace, installation, lambda _: False, 0, later)
        engine.close()
        return max(stuck, len(self._containers()))

    def _installation(self) -> str:
        return read_installation(self.stack.client, StoreKeys(self.stack.namespace))

    def _containers(self, **filters: list[str]) -> set[str]:
        with contextlib.closing(connect_docker(self._engine_url)) as client:
            labels = [f"org.pyxec={self.stack.namespace}", f"org.pyxec.installation={self._installation()}"]
            all_filters = {"label": labels, **filters}
            return {container["Id"] for container in client.containers(all=True, filters=all_filters)}

    def _never_started(self) -> set[str]:
        return self._containers(status=["created"])

    # --- setup

    @property
    def _engine_url(self) -> str:
        """Address of the engine, without the proxy."""
        return self.engine.host if self.engine else _ENGINE_URL

    @property
    def _environment(self) -> dict[str, str]:
        variables = {"PYXEC_LEASE_SECONDS": "2", "PYXEC_REDIS_TIMEOUT_SECONDS": "1"}
        variables |= {"PYXEC_POOL_FLOOR": "0", "PYXEC_POOL_CEILING": "2"}
        variables |= {"DOCKER_HOST": self._engine_url, "PYXEC_RATE_PER_MINUTE": "1000000", "PYXEC_RATE_BURST": "100000"}
        return {**variables, **self.settings.environment}

    def _server(self) -> Server:
        data = self.folder / "data"
        if self.settings.server_disk_megabytes:
            self.server_disk = self._close_at_exit(SmallDisk(data, self.settings.server_disk_megabytes))
        log, options = self.folder / "redis.log", self.settings.redis
        if self._network is None:
            return Server(data, log, options, environment=self._clock(self.server_clock))
        return Server(data, log, options, launcher=self._network.launcher, host=self._network.host)

    def _own_engine(self) -> DrillEngine:
        data = self.folder / "engine"
        if self.settings.engine_disk_megabytes:
            self.engine_disk = self._close_at_exit(SmallDisk(data, self.settings.engine_disk_megabytes))
        return self._close_at_exit(DrillEngine(data, self.settings.languages))

    def _link(self) -> Link:
        if self._network is not None:
            return self._close_at_exit(self._network.create_link(self.server.port))
        return self._close_at_exit(ProxyLink(self.server.port))

    def _clock(self, clock: FakeClock) -> Mapping[str, str]:
        return clock.environment if self.settings.fake_clocks else {}

    def _start_factory(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.drill.worker_factory"]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYXEC_")}
        log = self._exits.enter_context((self.folder / "factory.log").open("w"))
        factory = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**inherited, **self._clock(self.workers_clock)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        self._exits.callback(self._stop_factory, factory)
        assert factory.stdout
        assert factory.stdout.readline() == "ready\n"
        return factory

    def _stop_factory(self, factory: subprocess.Popen[str]) -> None:
        for pid in self._started:
            with contextlib.suppress(OSError):  # the process has exited
                if b"worker_factory" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)
        factory.kill()
        factory.communicate()

    def _close_at_exit(self, resource):  # type: ignore[no-untyped-def]
        self._exits.callback(resource.close)
        return resource
