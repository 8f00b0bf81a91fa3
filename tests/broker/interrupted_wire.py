"""Interrupts a thread in the middle of what it says to Redis: ``python -m tests.broker.interrupted_wire URL``."""

from __future__ import annotations

import sys
import threading

import redis
from dramatiq.middleware import Interrupt, raise_thread_exception

from app.broker.wire import ThreadWire

INTERRUPTS = 200


def main(url: str) -> None:
    wire = ThreadWire(redis.ConnectionPool.from_url(url, protocol=2))
    wrong: list[tuple[int, bytes]] = []
    interrupts, done = [0], threading.Event()

    def talk() -> None:
        number = 0
        while not done.is_set():
            number += 1
            if (reply := wire.execute("ECHO", number)) != b"%d" % number:
                wrong.append((number, reply))

    def keep_talking() -> None:
        while not done.is_set():
            try:
                talk()
            except Interrupt:
                interrupts[0] += 1

    thread = threading.Thread(target=keep_talking, daemon=True)
    thread.start()
    while interrupts[0] < INTERRUPTS:
        if not thread.is_alive():
            # It was interrupted just outside of its try.
            thread = threading.Thread(target=keep_talking, daemon=True)
            thread.start()
        raise_thread_exception(thread.ident, Interrupt)
        for _ in range(5):
            wire.execute("PING")
    done.set()
    print(f"{INTERRUPTS} interrupts, {len(wrong)} wrong replies", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
