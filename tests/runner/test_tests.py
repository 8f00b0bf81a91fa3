"""Tests: independent phases that start with restored folders."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from app.core.outcomes import StopReason
from app.sandbox.runner.encoder import encode_cancel, encode_stdin, encode_stdin_eof
from app.sandbox.runner.frames import Done, Ending, PhaseSpec
from tests.runner.runner_process import Opener, RunnerProcess, job, phase

LOOK = "find . -mindepth 1 -printf '%P %y %m %s\\n' | sort"


def case(*argv: str, **changes: object) -> PhaseSpec:
    return phase(*argv, is_test=True, **changes)


def test_tests_have_separate_stdin(runner: RunnerProcess) -> None:
    runner.send(job(phase("true"), *[case("cat", gets_stdin=True) for _ in range(3)]))
    for text in (b"one ", b"", b"three"):
        runner.send(encode_stdin(text), encode_stdin_eof())

    assert runner.read_to_end().stdout == b"one three"
    assert [end.stdout_bytes for end in runner.ends] == [0, 4, 0, 5]


def test_tests_do_not_read_stdin_of_earlier_tests(runner: RunnerProcess) -> None:
    # Given a test that reads little of its stdin, which is larger than the pipe
    runner.send(job(case("head", "-c", "2", gets_stdin=True), case("cat", gets_stdin=True)))
    runner.send(encode_stdin(b"ab" + b"x" * 200_000), encode_stdin_eof())
    runner.read_until(lambda so_far: len(so_far.ends) == 1 and so_far.acknowledged == 200_002)
    runner.send(encode_stdin(b"mine"), encode_stdin_eof())

    assert runner.read_to_end().stdout == b"abmine"


def test_stdin_of_a_finished_test_is_dropped(runner: RunnerProcess) -> None:
    runner.send(job(case("true", gets_stdin=True), case("cat", gets_stdin=True)))
    runner.read_until(lambda so_far: len(so_far.ends) == 1)
    runner.send(encode_stdin(b"late"), encode_stdin_eof(), encode_stdin(b"mine"), encode_stdin_eof())

    assert runner.read_to_end().stdout == b"mine"


def test_failed_test_does_not_end_the_job(runner: RunnerProcess) -> None:
    runner.run(
        case("false"),
        case("sh", "-c", "kill -SEGV $$"),
        case("sleep", "60", wall_ms=200),
        case("yes", output_bytes=100),
        case("no-such-program"),
        case("echo", "last"),
    )

    assert [end.reason for end in runner.ends][2:4] == [StopReason.WALL_TIME, StopReason.OUTPUT]
    assert [(end.ending, end.value) for end in runner.ends][4:] == [
        (Ending.NOT_STARTED, errno.ENOENT),
        (Ending.EXITED, 0),
    ]
    assert runner.stdout.endswith(b"last\n")
    assert runner.done == Done(ended=6, total=6)


def test_tests_do_not_start_after_a_compile_error(runner: RunnerProcess) -> None:
    runner.run(phase("false"), case("echo", "never"))

    assert runner.done == Done(ended=1, total=2)


def test_cancel_ends_all_tests(runner: RunnerProcess) -> None:
    runner.send(job(case("sh", "-c", "echo up; sleep 60"), case("echo", "never")))
    runner.read_until(lambda so_far: so_far.stdout == b"up\n")
    runner.send(encode_cancel())

    assert runner.read_to_end().end.reason is StopReason.CANCELLED
    assert runner.done == Done(ended=1, total=2)


MEDDLING = {
    "writes": "echo new > new; mkdir -p deep/er; echo x > deep/er/x; ln -s /etc/passwd link; mkfifo pipe",
    "overwrites": "echo changed > kept; echo more >> inner/data",
    "removes": "rm -rf kept inner program",
    "replaces": "rm -rf inner; ln -s /tmp inner; rm kept; mkdir kept; touch kept/x",
    "changes modes": "chmod 000 kept inner; chmod 600 program",
    "locks folders": "mkdir -p a/b/c; touch a/b/c/d; chmod 000 a/b/c a/b a",
    "takes the sweeper's names": "mkdir -p 0/1 1/0 2; touch 0/1/2 1/0/3 3",
    "digs deep": 'perl -e \'for (1..3000) { mkdir "d" or die; chdir "d" or die }\'',
    "writes through memory": 'perl -e \'open(F, "+<", "kept"); syswrite(F, "X"); utime(1, 1, "kept")\'',
    "hides": "touch '...' '..x' '-rf' \"$(printf 'new\\nline')\" '*'",
    "fills it": "i=0; while [ $i -lt 2000 ]; do : > f$i; i=$((i+1)); done",
}


@pytest.mark.parametrize("meddling", MEDDLING)
def test_tests_start_with_the_same_folder(runner: RunnerProcess, meddling: str) -> None:
    make = (
        "echo kept > kept; mkdir inner; echo data > inner/data; chmod 640 inner/data; ln -s kept soft; chmod 555 inner"
    )
    runner.run(
        phase("sh", "-c", make),
        case("sh", "-c", LOOK),
        case("sh", "-c", f"chmod 755 inner; {MEDDLING[meddling]}; echo ran"),
        case("sh", "-c", f"{LOOK}; cat kept inner/data"),
        files={"program": b"#!/bin/sh\n"},
    )

    before, after = runner.stdout.split(b"ran\n")
    assert b"inner d 555" in before
    assert b"soft l 777" in before
    assert after == before + b"kept\ndata\n"


@pytest.mark.docker
def test_tests_leave_no_files_for_the_next(contained: RunnerProcess) -> None:
    folders = "for place in $(find / -writable -type d -not -path '/proc/*' 2> /dev/null) /dev/mqueue; do "
    contained.run(
        case("sh", "-c", folders + "echo $place; touch $place/left; done; ls /dev/mqueue /dev/shm /tmp"),
        case("sh", "-c", "find / -name left 2> /dev/null"),
    )

    assert b"/work\n" in contained.stdout
    assert contained.ends[0].stdout_bytes > 0
    assert contained.ends[1].stdout_bytes == 0


@pytest.mark.docker
@pytest.mark.parametrize("mode", ["0600", "0"])
def test_tests_leave_no_process_or_shared_memory_for_the_next(
    contained: RunnerProcess, compile_c: Callable[[str], bytes], mode: str
) -> None:
    leave = """
    #include <sys/ipc.h>
    #include <sys/msg.h>
    #include <sys/sem.h>
    #include <sys/shm.h>
    #include <stdio.h>
    int main(void) {
        int flags = IPC_CREAT | IPC_EXCL | MODE;
        printf("%d ", shmget(7, 4096, flags) >= 0);
        printf("%d ", msgget(7, flags) >= 0);
        printf("%d ", semget(7, 1, flags) >= 0);
        return 0;
    }
    """
    look = "for p in /proc/[0-9]*; do echo ${p#/proc/}; done | grep -vxc -e 1 -e $$"
    contained.run(
        case("./leave"),
        case("./leave"),
        case("sh", "-c", "setsid sleep 60 & sleep 60 & echo"),
        case("sh", "-c", look),
        files={"leave": compile_c(leave.replace("MODE", mode))},
    )

    assert contained.stdout.startswith(b"1 1 1 1 1 1 \n")
    assert int(contained.stdout.split()[-1]) <= 2  # of the command substitution


@pytest.mark.docker
def test_tests_start_when_their_files_together_exceed_the_file_size_limit(open_contained: Opener) -> None:
    contained = open_contained("--ulimit", "fsize=1048576:1048576")
    make = "head -c 700000 /dev/zero > one; head -c 700000 /dev/zero > two"
    contained.run(
        phase("sh", "-c", make), *[case("sh", "-c", "wc -c < one; wc -c < two; rm one two") for _ in range(2)]
    )

    assert contained.stdout == b"700000\n" * 4


def test_first_test_finds_the_files_of_the_compiler(runner: RunnerProcess) -> None:
    runner.run(phase("sh", "-c", "echo built > program"), *[case("cat", "program") for _ in range(3)])

    assert runner.stdout == b"built\n" * 3


@pytest.mark.parametrize(
    "too_much",
    [
        "mkdir $(seq 5000)",
        'perl -e \'for (1..40) { mkdir "d"; chdir "d" }\'',
        "truncate -s 200M large",
    ],
)
def test_tests_do_not_start_when_the_snapshot_is_too_large(bare: RunnerProcess, too_much: str) -> None:
    bare.run(phase("sh", "-c", too_much, file_bytes=1 << 30), case("echo", "never"), case("echo", "never"))

    assert [(end.ending, end.value) for end in bare.ends][1:] == [(Ending.NOT_STARTED, errno.EFBIG)] * 2
    assert bare.stdout == b""


def test_tests_have_separate_limits_and_usage(runner: RunnerProcess) -> None:
    burn = "1 while (times)[0] < 0.3"
    runner.run(case("perl", "-e", burn), case("true"), case("perl", "-e", "1 while 1", cpu_ms=200))

    first, second, third = runner.ends
    assert first.cpu_us > 250_000
    assert second.cpu_us < 150_000
    assert third.reason is StopReason.CPU_TIME


def test_runner_runs_a_hundred_tests(runner: RunnerProcess) -> None:
    runner.send(job(*[case("cat", gets_stdin=True) for _ in range(100)], files={"a": b"x" * 10_000}))
    for number in range(100):
        runner.send(encode_stdin(b"%d " % number), encode_stdin_eof())

    assert runner.read_to_end().stdout.split() == [b"%d" % number for number in range(100)]
