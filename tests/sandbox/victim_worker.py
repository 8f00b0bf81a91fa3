"""A process with one sandbox in the middle of a job and one that waits, until it is killed. Argument: a namespace."""

from __future__ import annotations

import sys
from contextlib import closing

from tests.sandbox.arena import ENGINE_SECONDS, ENGINE_URL, Arena, Engine, Recorder, job, sandbox_of
from tests.sandbox.mailbox import Mailbox

if __name__ == "__main__":
    engine = Engine(ENGINE_URL, ENGINE_SECONDS)
    arena = Arena(engine, sys.argv[1], sandbox_of(engine, sys.argv[1], 0, 0))
    waiting = arena.launch("bash")
    program = "trap '' TERM INT HUP PIPE; setsid sleep 600 & echo up; while :; do sleep 1; done"
    with closing(Mailbox()) as inbox:
        told = Recorder(lambda _: sys.stdout.write("up\n") and sys.stdout.flush())
        arena.sandbox.run("job", 1, job("bash", program, wall_seconds=300), told, inbox)
