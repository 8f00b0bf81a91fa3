"""A process with one sandbox that runs a job and one idle container, to be killed by a test. Argument: a namespace."""

from __future__ import annotations

import sys
from contextlib import closing

from app.sandbox.engine.client import Engine
from tests.sandbox.in_memory_inbox import InMemoryInbox
from tests.sandbox.sandbox_fixture import (
    ENGINE_SECONDS,
    ENGINE_URL,
    RecordingSink,
    SandboxFixture,
    create_sandbox,
    job,
)

if __name__ == "__main__":
    engine = Engine(ENGINE_URL, ENGINE_SECONDS)
    sandbox = SandboxFixture(engine, sys.argv[1], create_sandbox(engine, sys.argv[1], 0, 0))
    idle = sandbox.launch("bash")
    program = "trap '' TERM INT HUP PIPE; setsid sleep 600 & echo up; while :; do sleep 1; done"
    with closing(InMemoryInbox()) as inbox:
        sink = RecordingSink(lambda _: sys.stdout.write("up\n") and sys.stdout.flush())
        sandbox.run(job("bash", program, wall_seconds=300), sink, inbox)
