"""A job's talk with its runner, in real containers."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.core.errors import InfrastructureError, OwnershipLost, ProtocolError, SandboxLost
from app.core.events import Output, Stream
from app.core.job_input import Input, InputKind
from app.core.outcomes import judge
from app.sandbox.container import Container
from app.sandbox.runner.frames import PROTOCOL_VERSION
from app.sandbox.runner.session import RunnerSession
from tests.sandbox.arena import MIB, Arena, Recorder, eventually, job
from tests.sandbox.mailbox import Mailbox

pytestmark = pytest.mark.docker

CAT = "import sys, shutil\nshutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)"


@pytest.fixture
def inbox() -> Iterator[Mailbox]:
    with closing(Mailbox()) as opened:
        yield opened


def typed(text: bytes) -> Input:
    return Input(InputKind.STDIN, text)


END = Input(InputKind.EOF)
CANCEL = Input(InputKind.CANCEL)


def test_stdin_of_many_windows_comes_through_byte_for_byte(arena: Arena) -> None:
    data = bytes(range(256)) * 4 * 4096  # 4 MiB, sixteen windows

    ran = arena.run(job("python", CAT, stdin=data, output_bytes=8 * MIB, wall_seconds=20))

    assert ran.outcome == "ok"
    assert ran.stdout == data


def test_without_stdin_a_program_reads_its_end(arena: Arena) -> None:
    assert arena.run(job("bash", "read -r line; echo $?")).text == "1\n"


@pytest.mark.parametrize("round_", range(5))
def test_a_program_that_leaves_most_of_its_stdin_unread_has_just_ended(arena: Arena, round_: int) -> None:
    ran = arena.run(job("bash", "head -c 3; exit 7", stdin=b"x" * 4 * MIB))

    assert (ran.outcome, ran.last.exit_code, ran.text) == ("nonzero_exit", 7, "xxx")


def test_a_connection_that_takes_nothing_more_is_still_read_to_its_end(arena: Arena, inbox: Mailbox) -> None:
    # Given an engine that has closed the connection, with the runner's whole report in it, before we could write
    ours, engines = socket.socketpair()
    with ours:
        ours.setblocking(False)
        engines.sendall(_multiplexed(_frame(0x82, b"\0"), _frame(0x83, b"hi"), _ended_with(7), _frame(0x87, b"\1\1\0")))
        engines.close()
        container = Container(arena.engine, arena.blueprint("bash"), "gone", ours)
        container._decoder.feed(_frame(0x81, bytes([PROTOCOL_VERSION])))
        recorder = Recorder()

        spec = job("bash", "", stdin=b"x" * 4 * MIB)
        (report,) = RunnerSession(container, spec, arena.language("bash"), recorder, inbox).run().phases

    assert (report.exit_code, recorder.stdout) == (7, b"hi")


def _frame(kind: int, payload: bytes) -> bytes:
    return struct.pack(">BI", kind, len(payload)) + payload


def _ended_with(code: int) -> bytes:
    return _frame(0x86, struct.pack(">BBBBI7Q", 0, 0, 0, 0, code, 1, 1, 1, 1, 0, 2, 0))


def _multiplexed(*frames: bytes) -> bytes:
    data = b"".join(frames)
    return b"\1\0\0\0" + len(data).to_bytes(4) + data


def test_stdin_that_is_never_read_does_not_stop_the_output(arena: Arena) -> None:
    ran = arena.run(job("bash", "for i in {1..50}; do echo $i; done; sleep 0.3; echo end", stdin=b"x" * 4 * MIB))

    assert ran.outcome == "ok"
    assert ran.text.endswith("50\nend\n")


def test_what_a_viewer_types_is_answered_while_the_program_runs(arena: Arena, inbox: Mailbox) -> None:
    # Given a viewer that asks the next question only when the last one is answered
    def answer(so_far: Recorder) -> None:
        if so_far.stdout == b"name? ":
            inbox.put(typed(b"Ada\n"))
        elif so_far.stdout.endswith(b"again? "):
            inbox.put(END)

    source = "print('hello', input('name? '))\ntry:\n    input('again? ')\nexcept EOFError:\n    print('bye')"
    ran = arena.run(job("python", source, interactive=True), Recorder(answer), inbox)

    assert ran.text == "name? hello Ada\nagain? bye\n"


def test_an_interactive_program_gets_what_came_with_the_job_first(arena: Arena, inbox: Mailbox) -> None:
    inbox.put(typed(b"second"))
    inbox.put(END)

    assert arena.run(job("python", CAT, stdin=b"first ", interactive=True), inbox=inbox).text == "first second"


def test_what_is_typed_after_the_end_of_input_is_dropped(arena: Arena, inbox: Mailbox) -> None:
    for item in (typed(b"in"), END, typed(b"late")):
        inbox.put(item)

    assert arena.run(job("python", CAT, interactive=True), inbox=inbox).text == "in"


def test_a_job_that_is_not_interactive_takes_no_input_from_outside(arena: Arena, inbox: Mailbox) -> None:
    inbox.put(typed(b"surprise"))

    assert arena.run(job("python", CAT, stdin=b"given"), inbox=inbox).text == "given"


def test_typed_input_beyond_the_window_waits_and_arrives(arena: Arena, inbox: Mailbox) -> None:
    # Given a program that reads only after a while, and input of several windows
    data = b"0123456789abcdef" * 65_536  # 1 MiB
    for start in range(0, len(data), 50_000):
        inbox.put(typed(data[start : start + 50_000]))
    inbox.put(END)

    ran = arena.run(job("python", f"import time\ntime.sleep(0.5)\n{CAT}", interactive=True), inbox=inbox)

    assert ran.stdout == data


def test_a_cancel_ends_a_program_that_ignores_every_signal(arena: Arena, inbox: Mailbox) -> None:
    source = "trap '' TERM INT HUP QUIT; echo up; while :; do sleep 1; done"

    ran = arena.run(job("bash", source, wall_seconds=60), Recorder(lambda _: inbox.put(CANCEL)), inbox)

    assert (ran.outcome, ran.text) == ("cancelled", "up\n")
    assert ran.seconds < 10


def test_a_cancel_passes_stdin_that_nobody_reads(arena: Arena, inbox: Mailbox) -> None:
    spec = job("bash", "echo up; sleep 60", stdin=b"x" * 4 * MIB, wall_seconds=60)

    ran = arena.run(spec, Recorder(lambda _: inbox.put(CANCEL)), inbox)

    assert ran.outcome == "cancelled"
    assert ran.seconds < 10


def test_a_cancel_before_the_first_phase_leaves_nothing_to_judge_or_a_cancelled_phase(
    arena: Arena, inbox: Mailbox
) -> None:
    inbox.put(CANCEL)

    report = arena.sandbox.run("j", 1, job("bash", "sleep 60", wall_seconds=60), Recorder(), inbox)

    assert [phase.stopped_by.value for phase in report.phases] in ([], ["cancelled"])


def test_phases_and_output_are_told_in_their_order(arena: Arena) -> None:
    recorder = Recorder()
    source = '#warning "look"\n#include <stdio.h>\nint main(void) { puts("run"); return 0; }'

    arena.run(job("c", source), recorder)

    order = [event if isinstance(event, str) else event.stream.value for event in recorder.events]
    kept = [name for index, name in enumerate(order) if index == 0 or order[index - 1] != name]
    assert kept == ["compile", "stderr", "run", "stdout"]


def test_a_compile_error_ends_the_job_with_its_diagnostics(arena: Arena) -> None:
    recorder = Recorder()

    ran = arena.run(job("c", "int main(void) { return oops; }"), recorder)

    assert ran.outcome == "compile_error"
    assert recorder.phases == ["compile"]
    assert b"oops" in ran.stderr


def test_a_slow_sink_stops_the_programs_output_and_loses_nothing(arena: Arena) -> None:
    # Given a sink that needs its time for every piece
    pieces = 0

    def slow(_: Recorder) -> None:
        nonlocal pieces
        pieces += 1
        time.sleep(0.02)

    ran = arena.run(job("bash", "head -c 3000000 /dev/zero", output_bytes=4 * MIB, wall_seconds=30), Recorder(slow))

    assert (ran.outcome, len(ran.stdout)) == ("ok", 3_000_000)
    assert pieces > 1


def test_a_sink_that_is_stuck_longer_than_all_limits_still_learns_the_end(arena: Arena) -> None:
    # Given a program with far more to say than any buffer holds, and a store that does not answer for longer than the
    # phase may take and its report may be late
    stuck = threading.Event()

    def once(_: Recorder) -> None:
        if not stuck.is_set():
            stuck.set()
            time.sleep(6.5)

    ran = arena.run(job("bash", "cat /dev/zero", wall_seconds=1, output_bytes=16 * MIB), Recorder(once))

    # Then the program ended at its own limit: the time went on while it could not write
    assert ran.outcome == "wall_time_limit"
    assert len(ran.stdout) > 0


def test_a_lost_ownership_ends_the_container_at_once(arena: Arena) -> None:
    # Given a program that writes on and on, and a store that refuses its output
    def refuse(_: Recorder) -> None:
        raise OwnershipLost("another worker has it")

    with pytest.raises(OwnershipLost):
        arena.run(job("bash", "trap '' PIPE; while :; do echo x; done", wall_seconds=60), Recorder(refuse))

    assert eventually(lambda: arena.containers() == [])


def test_a_container_killed_from_outside_is_lost_not_judged(arena: Arena) -> None:
    def kill(_: Recorder) -> None:
        for container_id in arena.containers():
            arena.engine.remove_container(container_id)

    with pytest.raises(SandboxLost):
        arena.run(job("bash", "echo up; sleep 60", wall_seconds=60), Recorder(kill))


def test_a_runner_that_is_out_of_memory_itself_is_the_programs_doing(arena: Arena) -> None:
    """Files in memory outlive their writers: with nobody else left to kill, the kernel takes PID 1."""
    # Given a container whose files may fill all of its memory, and whose runner the kernel picks first
    container = arena.launch("bash", memory_bytes=16 * MIB, disk_bytes=512 * MIB)
    pid = arena.inspect(container.id)["State"]["Pid"]
    spec = job("bash", "echo 0 > /proc/self/oom_score_adj; head -c 100m /dev/zero > big; echo $?", disk_bytes=512 * MIB)
    Path(f"/proc/{pid}/oom_score_adj").write_text("1000")
    recorder = Recorder()

    with closing(container), closing(Mailbox()) as inbox:
        reports = RunnerSession(container, spec, arena.language("bash"), recorder, inbox).run().phases

    # Then, whoever is killed, it is judged as a memory limit
    assert judge(reports).outcome == "memory_limit"
    assert reports[-1].oom_kills >= 1


def test_a_program_that_cannot_be_found_on_its_own_path_failed_by_itself(arena: Arena) -> None:
    ran = arena.run(job("python", "print('never')", env={"PATH": "/nowhere"}))

    assert (ran.outcome, ran.last.start_error) == ("nonzero_exit", "No such file or directory")


def test_a_command_that_the_image_does_not_have_is_our_fault(arena: Arena) -> None:
    with (
        closing(arena.launch("bash")) as container,
        closing(Mailbox()) as inbox,
        pytest.raises(InfrastructureError, match="cannot start node"),
    ):
        RunnerSession(container, job("javascript", ""), arena.language("javascript"), Recorder(), inbox).run()


def test_a_runner_that_gives_up_says_why(arena: Arena) -> None:
    with closing(arena.launch("bash")) as container, closing(Mailbox()) as inbox:
        container.send(b"\x7f\0\0\0\0")  # a frame of no known type
        with pytest.raises(ProtocolError, match="runner failed"):
            RunnerSession(container, job("bash", "echo"), arena.language("bash"), Recorder(), inbox).run()


def test_output_is_cut_at_exactly_its_limit(arena: Arena) -> None:
    ran = arena.run(job("bash", "head -c 5000 /dev/zero; head -c 6000 /dev/zero >&2", output_bytes=10_000))

    assert ran.outcome == "output_limit"
    assert len(ran.stdout) + len(ran.stderr) == 10_000
    assert ran.last.stderr_truncated


def test_output_arrives_while_the_program_runs(arena: Arena) -> None:
    arrived: list[float] = []
    recorder = Recorder(lambda _: arrived.append(time.monotonic()))

    arena.run(job("bash", "echo one; sleep 1; echo two"), recorder)

    assert [event.data for event in recorder.events if isinstance(event, Output)] == [b"one\n", b"two\n"]
    assert arrived[1] - arrived[0] > 0.5
    assert recorder.bytes_of(Stream.STDERR) == b""


def test_nothing_is_left_open(arena: Arena) -> None:
    arena.run(job("bash", "echo"))
    before = open_descriptors()

    for _ in range(5):
        arena.run(job("bash", "echo"))

    assert open_descriptors() <= before + 1


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
