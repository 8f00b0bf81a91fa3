"""Signals, cancelling, and a host that goes away."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from app.core.outcomes import StopReason
from app.sandbox.runner.encoder import SIGNALS, encode_cancel, encode_go, encode_phase, encode_signal
from app.sandbox.runner.frames import Done, Ending
from tests.runner.runner_process import Opener, RunnerProcess, job, phase


def test_a_signal_reaches_the_program(runner: RunnerProcess) -> None:
    runner.send(job(phase("sh", "-c", "trap 'echo caught; exit 5' INT; echo up; while :; do sleep 0.05; done")))
    runner.hear(lambda so_far: so_far.stdout == b"up\n")
    runner.send(encode_signal(signal.SIGINT))

    assert runner.to_the_end().stdout == b"up\ncaught\n"
    assert (runner.end.ending, runner.end.value, runner.end.reason) == (Ending.EXITED, 5, StopReason.NONE)


@pytest.mark.parametrize("number", sorted(SIGNALS))
def test_every_allowed_signal_is_passed_on(bare: RunnerProcess, number: signal.Signals) -> None:
    bare.send(job(phase("sh", "-c", "echo up; exec sleep 60")))
    bare.hear(lambda so_far: so_far.stdout == b"up\n")
    bare.send(encode_signal(number))

    assert (bare.to_the_end().end.ending, bare.end.value) == (Ending.SIGNALLED, number)
    assert bare.end.reason is StopReason.NONE


def test_a_signal_reaches_the_whole_process_group(runner: RunnerProcess) -> None:
    runner.send(job(phase("sh", "-c", "sleep 60 & echo up; wait $!; echo ended $?")))
    runner.hear(lambda so_far: so_far.stdout == b"up\n")
    runner.send(encode_signal(signal.SIGKILL))

    assert runner.to_the_end().end.value == signal.SIGKILL


def test_a_running_phase_is_cancelled(runner: RunnerProcess) -> None:
    runner.send(job(phase("sh", "-c", "trap '' INT TERM; echo up; sleep 60"), phase("echo", "never")))
    runner.hear(lambda so_far: so_far.stdout == b"up\n")
    runner.send(encode_cancel())

    assert runner.to_the_end().end.reason is StopReason.CANCELLED
    assert runner.done == Done(ended=1, total=2)
    assert runner.exit_status() == 0


def test_a_job_can_be_cancelled_before_it_starts(runner: RunnerProcess) -> None:
    runner.send(encode_phase(phase("echo", "never")), encode_cancel())

    assert runner.to_the_end().done == Done(ended=0, total=1)
    assert runner.stdout == b""


def test_a_job_sent_and_cancelled_in_one_breath_is_cancelled(bare: RunnerProcess) -> None:
    bare.send(job(phase("sleep", "60")) + encode_cancel() + encode_cancel())

    assert bare.to_the_end().end.reason is StopReason.CANCELLED


def test_when_the_host_goes_away_the_container_does_too(runner: RunnerProcess) -> None:
    runner.send(job(phase("sh", "-c", "trap '' TERM INT HUP; setsid sleep 60 & echo up; sleep 60")))
    runner.hear(lambda so_far: so_far.stdout == b"up\n")
    runner.hang_up()

    assert runner.exit_status(within_s=10) == 2


def test_an_idle_runner_goes_away_with_its_host(runner: RunnerProcess) -> None:
    runner.hang_up()

    assert runner.exit_status(within_s=10) == 2


def test_a_host_that_goes_away_while_its_pipe_is_full_is_noticed(bare: RunnerProcess) -> None:
    bare.send(job(phase("yes")))
    bare.hear(lambda so_far: len(so_far.stdout) > 0)
    time.sleep(0.3)  # by now every buffer is full
    bare.hang_up()

    assert bare.exit_status(within_s=10) == 2


def test_a_host_that_closes_only_its_ears_is_gone(bare: RunnerProcess) -> None:
    bare.send(job(phase("sleep", "60")))
    assert bare.process.stdout is not None
    bare.process.stdout.close()

    assert bare.exit_status(within_s=10) == 2


def test_outside_a_container_nothing_but_the_phase_is_killed(open_bare: Opener) -> None:
    # Given a bystander of the same user, and a runner that is not PID 1
    with subprocess.Popen(["sleep", "60"]) as bystander:
        open_bare().run(phase("sh", "-c", "sleep 60 & echo up"))

        # Then it lives on
        assert bystander.poll() is None
        bystander.kill()


def test_outside_a_container_a_daemon_that_got_away_still_delays_nothing(bare: RunnerProcess) -> None:
    bare.send(job(phase("sh", "-c", "setsid sleep 8 & sleep 0.3; echo main")))

    assert bare.to_the_end(within_s=7).stdout == b"main\n"


def test_go_twice_is_too_late(bare: RunnerProcess) -> None:
    bare.send(job(phase("sleep", "60")) + encode_go())

    assert bare.to_the_end().fault == "GO with nothing that waits for it"
    assert bare.exit_status() == 1
