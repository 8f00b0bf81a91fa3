"""The trials of the broker's benchmark. Each returns figures; which are good enough is told by bench/broker.py."""

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
from bench.broker_worker import QUEUE, STARTED, make_broker
from bench.summary import percentile

__all__ = ["backlog", "enqueueing", "idle", "memory", "processing", "recovery", "workers"]

PROCESSES: Final = 2
Figures = dict[str, list[float]]


def noop() -> Message[None]:
    """The message everything is measured with."""
    return Message(QUEUE, "noop", (), {}, {})


def hang(number: int) -> Message[None]:
    """A message that holds its thread until its process is killed."""
    return Message(QUEUE, "hang", (number,), {}, {})


@contextmanager
def workers(kind: str, url: str, threads: int, *, processes: int = PROCESSES, **settings: int) -> Iterator[Any]:
    """Worker processes that are loaded; they start at ``go()``, and end with the block."""
    command = [sys.executable, "-m", "bench.broker_worker", kind, url, str(threads), *map(str, settings.values())]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(processes)]
    for one in started:
        assert one.stdout
        one.stdout.readline()
    try:
        yield started
    finally:
        for one in started:
            one.kill()
            one.communicate()


def go(processes: list[subprocess.Popen[bytes]]) -> None:
    """Have loaded workers start."""
    for one in processes:
        assert one.stdin
        one.stdin.write(b"go\n")
        one.stdin.flush()


def size(broker: Any) -> int:
    """Messages waiting and running, of either kind of broker."""
    return int(broker.qsize(QUEUE) if isinstance(broker, StreamsBroker) else broker.do_qsize(QUEUE))


def per_second(count: int, work: Callable[[], object]) -> float:
    """How many of `count` things were done in a second."""
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def drain(broker: Any, processes: list[subprocess.Popen[bytes]]) -> None:
    """Start the workers, return once the queue is empty."""
    go(processes)
    while size(broker):
        time.sleep(0.01)


def processing(
    url: str, messages: int, threads: int, rounds: int, kinds: tuple[str, ...] = ("streams", "redis")
) -> Figures:
    """Messages a second by each kind, interleaved: "enqueue ..." from one thread, "process ..." by two processes."""
    figures: Figures = {}
    for number in range(rounds):
        for kind in kinds if number % 2 else kinds[::-1]:
            broker = make_broker(kind, url)
            broker.client.flushall()
            enqueue = per_second(messages, lambda broker=broker: [broker.enqueue(noop()) for _ in range(messages)])  # type: ignore[misc]
            figures.setdefault(f"enqueue {kind}", []).append(enqueue)
            with workers(kind, url, threads) as processes:
                rate = per_second(messages, lambda broker=broker, processes=processes: drain(broker, processes))  # type: ignore[misc]
            figures.setdefault(f"process {kind}", []).append(rate)
            broker.close()
    return figures


def enqueueing(url: str, messages: int, share: int = 250) -> Figures:
    """Messages a second: Dramatiq's enqueue, ours, and ours in batches; alternating in pieces of `share`.

    The pieces are shorter than a time slice of the scheduler's: where other processes want the processor, long ones
    would mostly measure the waiting for it.
    """
    ours, stock = make_broker("streams", url), make_broker("redis", url)
    ways: dict[str, Callable[[], object]] = {
        "redis": lambda: [stock.enqueue(noop()) for _ in range(share)],
        "streams": lambda: [ours.enqueue(noop()) for _ in range(share)],
        "many": lambda: ours.enqueue_many(noop() for _ in range(share)),
    }
    figures: Figures = {name: [] for name in ways}
    for number in range(messages // share):
        names = list(ways) if number % 2 else list(ways)[::-1]
        for name in names:
            figures[name].append(per_second(share, ways[name]))
    ours.client.flushall()
    ours.close()
    stock.close()
    return figures


def idle(url: str, seconds: float) -> float:
    """Commands a second that one idle worker process with one queue sends."""
    client: Any = redis.Redis.from_url(url)
    sent = [0]
    client.flushall()

    def count(monitor: Any) -> None:
        with contextlib.suppress(redis.ConnectionError, ValueError):  # the end of the measurement
            for command in monitor.listen():
                sent[0] += command["client_type"] != "lua"

    with workers("streams", url, 4, processes=1) as processes:
        go(processes)
        time.sleep(3)
        with client.monitor() as monitor:
            threading.Thread(target=count, args=(monitor,), daemon=True).start()
            before = sent[0]
            time.sleep(seconds)
            return (sent[0] - before) / seconds


def recovery(url: str, lease_ms: int, kills: int) -> float:
    """Seconds from a kill -9 to the next start of what the process ran: the 95th percentile."""
    broker = make_broker("streams", url)
    waits: list[float] = []
    for _ in range(kills):
        broker.client.flushall()
        with (
            workers("streams", url, 4, processes=1, lease_ms=lease_ms) as victim,
            workers("streams", url, 4, processes=1, lease_ms=lease_ms) as heir,
        ):
            go(victim)
            for number in range(4):
                broker.enqueue(hang(number))
            while broker.client.llen(STARTED) < 4:
                time.sleep(0.01)
            go(heir)
            time.sleep(1)
            killed_at = time.time()
            victim[0].kill()
            while broker.client.llen(STARTED) < 8:
                time.sleep(0.01)
            waits += [float(line.split()[0]) - killed_at for line in broker.client.lrange(STARTED, 4, -1)]
    broker.client.flushall()
    broker.close()
    return percentile(sorted(waits), 0.95)


def memory(url: str, messages: int) -> tuple[float, int]:
    """How much larger the server is after so many messages went through it (1.0: not at all), and what is left."""
    broker = make_broker("streams", url)
    broker.client.flushall()
    used: list[int] = []
    for count in (2_000, messages):
        with workers("streams", url, 8) as processes:
            broker.enqueue_many(noop() for _ in range(count))
            drain(broker, processes)
        used.append(_used_memory(broker.client))
    left = size(broker) + sum(broker.client.xlen(stream) for stream in broker.keys(QUEUE).streams)
    broker.close()
    return used[1] / used[0], left


def _used_memory(client: Any) -> int:
    """Bytes, once the connections of the dead are gone and what was flushed is really freed."""
    time.sleep(1)
    while client.info("memory")["lazyfree_pending_objects"]:
        time.sleep(0.1)
    return int(client.info("memory")["used_memory"])


def backlog(url: str, messages: int, rounds: int = 40, share: int = 200) -> tuple[float, float]:
    """How much slower enqueue and fetch are with so many messages waiting (1.0: not at all): medians, interleaved."""
    short, long = (StreamsBroker(url=url, namespace=name) for name in ("short", "long"))
    short.client.flushall()
    enqueue: dict[StreamsBroker, list[float]] = {short: [], long: []}
    fetch: dict[StreamsBroker, list[float]] = {short: [], long: []}
    for broker, count in ((short, 2 * share), (long, messages)):
        broker.declare_queue(QUEUE)
        broker.enqueue_many(noop() for _ in range(count))
    consumers = {broker: broker.consume(QUEUE, prefetch=8, timeout=100) for broker in (short, long)}
    for number in range(rounds):
        for broker in (short, long) if number % 2 else (long, short):
            enqueue[broker].append(per_second(share, lambda b=broker: [b.enqueue(noop()) for _ in range(share)]))  # type: ignore[misc]
            fetch[broker].append(per_second(share, lambda c=consumers[broker]: _take(c, share)))  # type: ignore[misc]
    short.client.flushall()
    slower = [statistics.median(figures[short]) / statistics.median(figures[long]) for figures in (enqueue, fetch)]
    for broker in (short, long):
        broker.close()
    return slower[0], slower[1]


def _take(consumer: Any, count: int) -> None:
    while count:
        message = next(consumer)
        if message is not None:
            consumer.ack(message)
            count -= 1
