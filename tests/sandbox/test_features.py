"""Terminals, signals, artifacts and tests of a job, in every isolation."""

from __future__ import annotations

import msgspec
import pytest

from app.core.job.job_input import Input, InputKind
from app.core.job.spec import JobSpec, TerminalSize
from app.core.judging.cases import CaseSpec
from tests.sandbox.in_memory_inbox import InMemoryInbox
from tests.sandbox.sandbox_fixture import MIB, RecordingSink, SandboxFixture, job

pytestmark = pytest.mark.docker

ADD = '#include <stdio.h>\nint main(void) { int a, b; scanf("%d %d", &a, &b); printf("%d\\n", a + b); return 0; }\n'
TERMINAL = """
import os, signal, sys, time
def show(*_):
    size = os.get_terminal_size()
    print(f"size {size.lines}x{size.columns}", flush=True)
signal.signal(signal.SIGWINCH, show)
signal.signal(signal.SIGUSR1, lambda *_: sys.exit(3))
print(os.isatty(0), os.ttyname(0), flush=True)
show()
while True:
    time.sleep(0.05)  # signal.pause() would miss a signal that arrives just before it
"""


def with_terminal(spec: JobSpec, rows: int, columns: int) -> JobSpec:
    return msgspec.structs.replace(spec, interactive=True, tty=TerminalSize(rows=rows, cols=columns))


def test_terminal_can_be_resized_and_signalled(sandbox: SandboxFixture, inbox: InMemoryInbox) -> None:
    def react(sink: RecordingSink) -> None:
        if sink.stdout.endswith(b"size 30x90\r\n"):
            inbox.put(Input(InputKind.RESIZE, TerminalSize(rows=40, cols=100).pack()))
        elif sink.stdout.endswith(b"size 40x100\r\n"):
            inbox.put(Input(InputKind.SIGNAL, b"USR1"))

    ran = sandbox.run(with_terminal(job("python", TERMINAL), 30, 90), RecordingSink(react), inbox)

    assert ran.text == "True /dev/pts/0\r\nsize 30x90\r\nsize 40x100\r\n"
    assert (ran.outcome, ran.last.exit_code) == ("nonzero_exit", 3)


def test_artifacts_are_returned(sandbox: SandboxFixture) -> None:
    source = (
        "import os\nos.makedirs('out/a')\nopen('out/a/data.bin', 'wb').write(bytes(range(256)) * 4000)\nopen('x', 'w')"
    )
    spec = msgspec.structs.replace(job("python", source), artifacts=("out/**", "missing"))

    ran = sandbox.run(spec)

    assert [(artifact.name, artifact.data) for artifact in ran.artifacts] == [
        ("out/a/data.bin", bytes(range(256)) * 4000)
    ]


def test_tests_of_a_compiled_program_have_its_limits_and_their_own_input(sandbox: SandboxFixture) -> None:
    spec = job("c", ADD, memory_bytes=32 * MIB, processes=4)
    cases = [
        CaseSpec(name=str(n), stdin=b"%d 1" % n, args=(), expected_output=None, limits=spec.limits) for n in range(5)
    ]

    ran = sandbox.run(msgspec.structs.replace(spec, tests=tuple(cases)))

    assert [phase.name for phase in ran.phases] == ["compile", *["test"] * 5]
    assert ran.text == "1\n2\n3\n4\n5\n"
    assert all(0 < phase.memory_peak_bytes <= 32 * MIB for phase in ran.phases[1:])
