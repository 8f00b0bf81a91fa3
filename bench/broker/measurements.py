"""The measurements of the broker benchmark. bench/broker/__main__.py compares their results with the targets."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis
from dramatiq import Message

from app.broker import StreamsBroker
from bench.broker.worker import QUEUE, STARTED, create_broker
from bench.summary import percentile

__all__ = [
    "measure_backlog",
    "measure_delayed",
    "measure_enqueueing",
    "measure_idle_commands",
    "measure_memory",
    "measure_processing",
    "measure_recovery",
]

PROCESSES: Final = 2

#: Rates by the name of what was measured, one for each round.
Rates = dict[str, list[float]]


def measure_processing(
    url: str, messages: int, threads: int, rounds: int, kinds: tuple[str, ...] = ("streams", "redis")
) -> Rates:
    """Measure messages per second, with the kinds of broker interleaved.

    Args:
        url: URL of the server.
        messages: Number of messages of a round.
        threads: Worker threads of each of two processes.
        rounds: Rounds of each kind.
        kinds: "streams" for this broker, "redis" for RedisBroker.

    Returns:
        For each kind "enqueue <kind>", from one thread, and "process <kind>", by two processes.
    """
    rates: Rates = {}
    for number in range(rounds):
        for kind in kinds if number % 2 else kinds[::-1]:
            broker = create_broker(kind, url)
            broker.client.flushall()
            rate = _per_second(messages, lambda broker=broker: [broker.enqueue(_noop()) for _ in range(messages)])  # type: ignore[misc]
            rates.setdefault(f"enqueue {kind}", []).append(rate)
            with _workers(kind, url, threads) as processes:
                rate = _per_second(messages, lambda broker=broker, processes=processes: _drain(broker, processes))  # type: ignore[misc]
            rates.setdefault(f"process {kind}", []).append(rate)
            broker.close()
    return rates


def measure_delayed(url: str, messages: int, rounds: int) -> Rates:
    """Measure messages per second of one process with four threads, interleaved.

    Returns:
        "delayed": the messages were delayed and are all due when the process starts. "immediate": without a delay.
    """
    rates: Rates = {"delayed": [], "immediate": []}
    for _ in range(rounds):
        for name, delay in (("delayed", 1), ("immediate", None)):
            broker = create_broker("streams", url)
            broker.client.flushall()
            broker.enqueue_many((_noop() for _ in range(messages)), delay=delay)
            time.sleep(0.01)
            with _workers("streams", url, 4, processes=1) as processes:
                rates[name].append(_per_second(messages, lambda b=broker, p=processes: _drain(b, p)))  # type: ignore[misc]
            broker.close()
    return rates


def measure_enqueueing(url: str, messages: int, share: int = 250) -> Rates:
    """Measure messages per second of RedisBroker's enqueue ("redis"), enqueue ("streams") and enqueue_many ("many").

    The methods alternate after `share` messages. This is shorter than a time slice of the scheduler: on a busy machine,
    longer shares would mostly measure the time until the process runs again.
    """
    streams, stock = create_broker("streams", url), create_broker("redis", url)
    methods: dict[str, Callable[[], object]] = {
        "redis": lambda: [stock.enqueue(_noop()) for _ in range(share)],
        "streams": lambda: [streams.enqueue(_noop()) for _ in range(share)],
        "many": lambda: streams.enqueue_many(_noop() for _ in range(share)),
    }
    rates: Rates = {name: [] for name in methods}
    for number in range(messages // share):
        names = list(methods) if number % 2 else list(methods)[::-1]
        for name in names:
            rates[name].append(_per_second(share, methods[name]))
    streams.client.flushall()
    streams.close()
    stock.close()
    return rates


def measure_idle_commands(url: str, seconds: float) -> float:
    """Return the commands per second that an idle worker process with one queue sends."""
    client: Any = redis.Redis.from_url(url)
    sent = [0]
    client.flushall()

    def count(monitor: Any) -> None:
        # Closing the monitor ends the loop with one of these exceptions.
        with contextlib.suppress(redis.ConnectionError, ValueError):
            for command in monitor.listen():
                sent[0] += command["client_type"] != "lua"

    with _workers("streams", url, 4, processes=1) as processes:
        _start(processes)
        time.sleep(3)
        with client.monitor() as monitor:
            threading.Thread(target=count, args=(monitor,), daemon=True).start()
            before = sent[0]
            time.sleep(seconds)
            return (sent[0] - before) / seconds


def measure_recovery(url: str, lease_ms: int, kills: int) -> float:
    """Return the 95th percentile of the seconds from a kill -9 to the next start of the messages of the process."""
    broker = create_broker("streams", url)
    waits: list[float] = []
    for _ in range(kills):
        broker.client.flushall()
        with (
            _workers("streams", url, 4, processes=1, lease_ms=lease_ms) as killed,
            _workers("streams", url, 4, processes=1, lease_ms=lease_ms) as surviving,
        ):
            _start(killed)
            for number in range(4):
                broker.enqueue(_hang(number))
            while broker.client.llen(STARTED) < 4:
                time.sleep(0.01)
            _start(surviving)
            time.sleep(1)
            killed_at = time.time()
            killed[0].kill()
            while broker.client.llen(STARTED) < 8:
                time.sleep(0.01)
            waits += [float(line.split()[0]) - killed_at for line in broker.client.lrange(STARTED, 4, -1)]
    broker.client.flushall()
    broker.close()
    return percentile(sorted(waits), 0.95)


def measure_memory(url: str, messages: int) -> tuple[float, int]:
    """Return the growth of the server's memory in bytes per message, and the number of entries left in the streams.

    The messages are processed in ten rounds after a first round that is not counted: a backlog enlarges the buffers of
    an empty server, for example the heap of its Lua interpreter.
    """
    broker = create_broker("streams", url)
    broker.client.flushall()
    used: list[int] = []
    for rounds in (1, 10):
        with _workers("streams", url, 8) as processes:
            _start(processes)
            for _ in range(rounds):
                broker.enqueue_many(_noop() for _ in range(messages // 10))
                _wait_until_empty(broker)
        used.append(_used_memory(broker.client))
    remaining = _size(broker) + sum(broker.client.xlen(stream) for stream in broker.keys(QUEUE).streams)
    broker.close()
    return (used[1] - used[0]) / messages, remaining


def measure_backlog(url: str, messages: int, rounds: int = 40, share: int = 200) -> tuple[float, float]:
    """Return the slowdown of enqueue, and of fetch and finish, by waiting messages: ratios of medians, interleaved."""
    short, long = (StreamsBroker(url=url, namespace=name) for name in ("short", "long"))
    short.client.flushall()
    enqueue: dict[StreamsBroker, list[float]] = {short: [], long: []}
    fetch: dict[StreamsBroker, list[float]] = {short: [], long: []}
    for broker, count in ((short, 2 * share), (long, messages)):
        broker.declare_queue(QUEUE)
        broker.enqueue_many(_noop() for _ in range(count))
    consumers = {broker: broker.consume(QUEUE, prefetch=8, timeout=100) for broker in (short, long)}
    for number in range(rounds):
        for broker in (short, long) if number % 2 else (long, short):
            enqueue[broker].append(_per_second(share, lambda b=broker: [b.enqueue(_noop()) for _ in range(share)]))  # type: ignore[misc]
            fetch[broker].append(_per_second(share, lambda c=consumers[broker]: _finish(c, share)))  # type: ignore[misc]
    short.client.flushall()
    slowdowns = [statistics.median(rates[short]) / statistics.median(rates[long]) for rates in (enqueue, fetch)]
    for broker in (short, long):
        broker.close()
    return slowdowns[0], slowdowns[1]


def _noop() -> Message[None]:
    return Message(QUEUE, "noop", (), {}, {})


def _hang(number: int) -> Message[None]:
    """Return a message that occupies its thread until its process is killed."""
    return Message(QUEUE, "hang", (number,), {}, {})


@contextmanager
def _workers(kind: str, url: str, threads: int, *, processes: int = PROCESSES, **settings: int) -> Iterator[Any]:
    """Load worker processes. They start with `_start` and are killed at the end of the block."""
    command = [sys.executable, "-m", "bench.broker.worker", kind, url, str(threads), *map(str, settings.values())]
    loaded = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(processes)]
    for process in loaded:
        assert process.stdout
        process.stdout.readline()
    try:
        yield loaded
    finally:
        for process in loaded:
            process.kill()
            process.communicate()


def _start(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        assert process.stdin
        process.stdin.write(b"start\n")
        process.stdin.flush()


def _drain(broker: Any, processes: list[subprocess.Popen[bytes]]) -> None:
    """Start the workers and wait until the queue is empty."""
    _start(processes)
    _wait_until_empty(broker)


def _wait_until_empty(broker: Any) -> None:
    while _size(broker):
        time.sleep(0.01)


def _size(broker: Any) -> int:
    """Return the number of waiting and running messages, of both kinds of broker."""
    return int(broker.qsize(QUEUE) if isinstance(broker, StreamsBroker) else broker.do_qsize(QUEUE))


def _per_second(count: int, work: Callable[[], object]) -> float:
    """Run `work`, which does `count` operations, and return the operations per second."""
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def _used_memory(client: Any) -> int:
    """Return the memory in bytes after the server has closed dead connections and freed flushed keys and buffers."""
    # Redis shrinks the query buffer of a client that was idle for 2 s. With an empty server, it is a noticeable part.
    time.sleep(5)
    while client.info("memory")["lazyfree_pending_objects"]:
        time.sleep(0.1)
    return int(client.info("memory")["used_memory"])


def _finish(consumer: Any, count: int) -> None:
    """Fetch and acknowledge messages."""
    while count:
        message = next(consumer)
        if message is not None:
            consumer.ack(message)
            count -= 1
