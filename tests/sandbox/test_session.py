"""Sessions with the runner, in containers on the engine of this machine."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from app.core.errors import InfrastructureError, OwnershipLost, ProtocolError, SandboxLost
from app.core.job.events import Output, Stream
from app.core.job.job_input import Input, InputKind
from app.core.judging.phase_outcomes import judge_phases
from app.sandbox import session
from app.sandbox.container import Container
from app.sandbox.runner.frames import PROTOCOL_VERSION
from app.sandbox.session import RunnerSession
from tests.patience import patient
from tests.sandbox.in_memory_inbox import InMemoryInbox
from tests.sandbox.sandbox_fixture import MIB, RecordingSink, SandboxFixture, eventually, execute_as_root, job

pytestmark = pytest.mark.docker

CAT = "import sys, shutil\nshutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)"


def stdin(text: bytes) -> Input:
    return Input(InputKind.STDIN, text)


END = Input(InputKind.EOF)
CANCEL = Input(InputKind.CANCEL)


def test_stdin_larger_than_the_window_arrives_unchanged(sandbox: SandboxFixture) -> None:
    data = bytes(range(256)) * 4 * 4096  # 4 MiB, sixteen windows

    result = sandbox.run(job("python", CAT, stdin=data, output_bytes=8 * MIB, wall_seconds=20))

    assert result.outcome == "ok"
    assert result.stdout == data


def test_program_reads_end_of_file_when_there_is_no_stdin(sandbox: SandboxFixture) -> None:
    assert sandbox.run(job("bash", "read -r line; echo $?")).text == "1\n"


@pytest.mark.parametrize("round_", range(5))
def test_program_may_exit_without_reading_its_stdin(sandbox: SandboxFixture, round_: int) -> None:
    result = sandbox.run(job("bash", "head -c 3; exit 7", stdin=b"x" * 4 * MIB))

    assert (result.outcome, result.last.exit_code, result.text) == ("nonzero_exit", 7, "xxx")


def test_session_reads_the_report_when_it_can_no_longer_send(sandbox: SandboxFixture, inbox: InMemoryInbox) -> None:
    # The engine has closed the connection after the whole report, before the session could send
    host_end, engine_end = socket.socketpair()
    with host_end:
        host_end.setblocking(False)
        engine_end.sendall(_multiplex(_frame(0x82, b"\0"), _frame(0x83, b"hi"), _phase_end(7), _frame(0x87, b"\1\1\0")))
        engine_end.close()
        container = Container(sandbox.engine, sandbox.container_spec("bash"), "gone", host_end)
        container._decoder.feed(_frame(0x81, bytes([PROTOCOL_VERSION])))
        sink = RecordingSink()

        spec = job("bash", "", stdin=b"x" * 4 * MIB)
        (report,) = RunnerSession(container, spec, sandbox.language("bash"), sink, inbox).run().phases

    assert (report.exit_code, sink.stdout) == (7, b"hi")


def _frame(kind: int, payload: bytes) -> bytes:
    return struct.pack(">BI", kind, len(payload)) + payload


def _phase_end(code: int) -> bytes:
    return _frame(0x86, struct.pack(">BBBBI8Q", 0, 0, 0, 0, code, 1, 1, 1, 1, 0, 0, 2, 0))


def _multiplex(*frames: bytes) -> bytes:
    data = b"".join(frames)
    return b"\1\0\0\0" + len(data).to_bytes(4) + data


def test_unread_stdin_does_not_block_the_output(sandbox: SandboxFixture) -> None:
    result = sandbox.run(job("bash", "for i in {1..50}; do echo $i; done; sleep 0.3; echo end", stdin=b"x" * 4 * MIB))

    assert result.outcome == "ok"
    assert result.text.endswith("50\nend\n")


def test_interactive_input_reaches_the_running_program(sandbox: SandboxFixture, inbox: InMemoryInbox) -> None:
    def answer(sink: RecordingSink) -> None:
        if sink.stdout == b"name? ":
            inbox.put(stdin(b"Ada\n"))
        elif sink.stdout.endswith(b"again? "):
            inbox.put(END)

    source = "print('hello', input('name? '))\ntry:\n    input('again? ')\nexcept EOFError:\n    print('bye')"
    result = sandbox.run(job("python", source, interactive=True), RecordingSink(answer), inbox)

    assert result.text == "name? hello Ada\nagain? bye\n"


def test_interactive_program_reads_the_stdin_of_the_job_first(sandbox: SandboxFixture, inbox: InMemoryInbox) -> None:
    inbox.put(stdin(b"second"))
    inbox.put(END)

    assert sandbox.run(job("python", CAT, stdin=b"first ", interactive=True), inbox=inbox).text == "first second"


def test_input_after_end_of_file_is_dropped(sandbox: SandboxFixture, inbox: InMemoryInbox) -> None:
    for item in (stdin(b"in"), END, stdin(b"late")):
        inbox.put(item)

    assert sandbox.run(job("python", CAT, interactive=True), inbox=inbox).text == "in"


def test_input_is_ignored_when_the_job_is_not_interactive(sandbox: SandboxFixture, inbox: InMemoryInbox) -> None:
    inbox.put(stdin(b"surprise"))

    assert sandbox.run(job("python", CAT, stdin=b"given"), inbox=inbox).text == "given"


def test_interactive_input_larger_than_the_window_arrives(sandbox: SandboxFixture, inbox: InMemoryInbox) -> None:
    data = b"0123456789abcdef" * 65_536  # 1 MiB
    for start in range(0, len(data), 50_000):
        inbox.put(stdin(data[start : start + 50_000]))
    inbox.put(END)

    result = sandbox.run(job("python", f"import time\ntime.sleep(0.5)\n{CAT}", interactive=True), inbox=inbox)

    assert result.stdout == data


def test_cancel_ends_a_program_that_ignores_signals(sandbox: SandboxFixture, inbox: InMemoryInbox) -> None:
    source = "trap '' TERM INT HUP QUIT; echo up; while :; do sleep 1; done"

    result = sandbox.run(job("bash", source, wall_seconds=60), RecordingSink(lambda _: inbox.put(CANCEL)), inbox)

    assert (result.outcome, result.text) == ("cancelled", "up\n")
    assert result.seconds < patient(10)


def test_cancel_is_not_delayed_by_unread_stdin(sandbox: SandboxFixture, inbox: InMemoryInbox) -> None:
    spec = job("bash", "echo up; sleep 60", stdin=b"x" * 4 * MIB, wall_seconds=60)

    result = sandbox.run(spec, RecordingSink(lambda _: inbox.put(CANCEL)), inbox)

    assert result.outcome == "cancelled"
    assert result.seconds < patient(10)


def test_cancel_before_the_first_phase_gives_no_phase_or_a_cancelled_one(
    sandbox: SandboxFixture, inbox: InMemoryInbox
) -> None:
    inbox.put(CANCEL)

    report = sandbox.container_sandbox.run("j", 1, job("bash", "sleep 60", wall_seconds=60), RecordingSink(), inbox)

    assert [phase.stopped_by.value for phase in report.phases] in ([], ["cancelled"])


def test_sink_receives_phases_and_output_in_order(sandbox: SandboxFixture) -> None:
    sink = RecordingSink()
    source = '#warning "look"\n#include <stdio.h>\nint main(void) { puts("run"); return 0; }'

    sandbox.run(job("c", source), sink)

    order = [event if isinstance(event, str) else event.stream.value for event in sink.events]
    kept = [name for index, name in enumerate(order) if index == 0 or order[index - 1] != name]
    assert kept == ["compile", "stderr", "run", "stdout"]


def test_compile_error_ends_the_job_with_its_diagnostics(sandbox: SandboxFixture) -> None:
    sink = RecordingSink()

    result = sandbox.run(job("c", "int main(void) { return oops; }"), sink)

    assert result.outcome == "compile_error"
    assert sink.phases == ["compile"]
    assert b"oops" in result.stderr


def test_slow_sink_delays_the_program_and_loses_no_output(sandbox: SandboxFixture) -> None:
    pieces = 0

    def sleep(_: RecordingSink) -> None:
        nonlocal pieces
        pieces += 1
        time.sleep(0.02)

    result = sandbox.run(
        job("bash", "head -c 3000000 /dev/zero", output_bytes=4 * MIB, wall_seconds=30), RecordingSink(sleep)
    )

    assert (result.outcome, len(result.stdout)) == ("ok", 3_000_000)
    assert pieces > 1


def test_report_arrives_when_the_sink_blocked_longer_than_the_limits(
    sandbox: SandboxFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The program writes more than all buffers hold, and the sink blocks for longer than the limit and the grace period
    monkeypatch.setattr(session, "_GRACE_SECONDS", 2.0)
    blocked = threading.Event()

    def block_once(_: RecordingSink) -> None:
        if not blocked.is_set():
            blocked.set()
            time.sleep(3.5)

    result = sandbox.run(job("bash", "cat /dev/zero", wall_seconds=1, output_bytes=16 * MIB), RecordingSink(block_once))

    # The time limit of the program includes the time for which it could not write
    assert result.outcome == "wall_time_limit"
    assert len(result.stdout) > 0


def test_lost_ownership_removes_the_container(sandbox: SandboxFixture) -> None:
    def reject(_: RecordingSink) -> None:
        raise OwnershipLost("another worker has it")

    with pytest.raises(OwnershipLost):
        sandbox.run(job("bash", "trap '' PIPE; while :; do echo x; done", wall_seconds=60), RecordingSink(reject))

    assert eventually(lambda: sandbox.containers() == [])


def test_container_killed_from_outside_raises_sandbox_lost(sandbox: SandboxFixture) -> None:
    def kill(_: RecordingSink) -> None:
        for container_id in sandbox.containers():
            sandbox.engine.remove_container(container_id)

    with pytest.raises(SandboxLost):
        sandbox.run(job("bash", "echo up; sleep 60", wall_seconds=60), RecordingSink(kill))


def test_oom_kill_of_the_runner_is_a_memory_limit(sandbox: SandboxFixture) -> None:
    """Files on a tmpfs stay when their writers have ended: the kernel then kills PID 1 as the last process."""
    # The files may fill the memory of the container, and the kernel prefers to kill the runner
    container = sandbox.launch("bash", memory_bytes=16 * MIB, disk_bytes=512 * MIB)
    execute_as_root(sandbox.engine, f"container:{container.id}", "echo 1000 > /proc/1/oom_score_adj")
    spec = job("bash", "echo 0 > /proc/self/oom_score_adj; head -c 100m /dev/zero > big; echo $?", disk_bytes=512 * MIB)
    sink = RecordingSink()

    with closing(container), closing(InMemoryInbox()) as inbox:
        reports = RunnerSession(container, spec, sandbox.language("bash"), sink, inbox).run().phases

    assert judge_phases(reports).outcome == "memory_limit"
    assert reports[-1].oom_kills >= 1


def test_missing_program_is_a_result_when_the_job_sets_path(sandbox: SandboxFixture) -> None:
    result = sandbox.run(job("python", "print('never')", env={"PATH": "/nowhere"}))

    assert (result.outcome, result.last.start_error) == ("nonzero_exit", "No such file or directory")


def test_missing_command_of_the_image_is_an_infrastructure_error(sandbox: SandboxFixture) -> None:
    with (
        closing(sandbox.launch("bash")) as container,
        closing(InMemoryInbox()) as inbox,
        pytest.raises(InfrastructureError, match="cannot start node"),
    ):
        RunnerSession(container, job("javascript", ""), sandbox.language("javascript"), RecordingSink(), inbox).run()


def test_fault_of_the_runner_raises_protocol_error(sandbox: SandboxFixture) -> None:
    with closing(sandbox.launch("bash")) as container, closing(InMemoryInbox()) as inbox:
        container.send(b"\x7f\0\0\0\0")  # an unknown frame type
        with pytest.raises(ProtocolError, match="runner failed"):
            RunnerSession(container, job("bash", "echo"), sandbox.language("bash"), RecordingSink(), inbox).run()


def test_output_is_truncated_exactly_at_its_limit(sandbox: SandboxFixture) -> None:
    result = sandbox.run(job("bash", "head -c 5000 /dev/zero; head -c 6000 /dev/zero >&2", output_bytes=10_000))

    assert result.outcome == "output_limit"
    assert len(result.stdout) + len(result.stderr) == 10_000
    assert result.last.stderr_truncated


def test_output_is_flushed_while_the_program_pauses(sandbox: SandboxFixture) -> None:
    flushes: list[int] = []
    sink = RecordingSink(on_output=lambda sink: flushes.append(sink.flushes))

    sandbox.run(job("bash", "echo 1; sleep 0.3; echo 2; sleep 0.3"), sink)

    assert sink.stdout == b"1\n2\n"
    # The start of the phase and the first line may be collected, the second line follows later.
    assert flushes[0] <= 1
    assert flushes[-1] > flushes[0]
    assert sink.flushes > flushes[-1]


def test_output_arrives_while_the_program_runs(sandbox: SandboxFixture) -> None:
    arrived: list[float] = []
    sink = RecordingSink(lambda _: arrived.append(time.monotonic()))

    sandbox.run(job("bash", "echo one; sleep 1; echo two"), sink)

    assert [event.data for event in sink.events if isinstance(event, Output)] == [b"one\n", b"two\n"]
    assert arrived[1] - arrived[0] > 0.5
    assert sink.read_stream(Stream.STDERR) == b""


def test_session_leaks_no_file_descriptor(sandbox: SandboxFixture) -> None:
    sandbox.run(job("bash", "echo"))
    before = count_descriptors()

    for _ in range(5):
        sandbox.run(job("bash", "echo"))

    assert count_descriptors() <= before + 1


def count_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
