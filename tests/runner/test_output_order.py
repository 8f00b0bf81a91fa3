"""Order of stdout and stderr."""

from __future__ import annotations

import pytest

from app.core.job.events import Output, Stream
from tests.runner.runner_process import RunnerProcess, phase


@pytest.mark.parametrize("round_", range(10))
def test_output_starts_with_the_stream_written_first(runner: RunnerProcess, round_: int) -> None:
    # Given a program that writes to both streams without a pause, stderr first
    runner.run(phase("perl", "-e", "syswrite(STDERR, 'first'); syswrite(STDOUT, 'second')"))

    assert [event for event in runner.events if isinstance(event, Output)] == [
        Output(Stream.STDERR, b"first"),
        Output(Stream.STDOUT, b"second"),
    ]


def test_output_keeps_the_order_of_both_streams_with_pauses(runner: RunnerProcess) -> None:
    runner.run(phase("sh", "-c", "for i in 1 2 3 4 5 6; do echo o$i; sleep 0.05; echo e$i >&2; sleep 0.05; done"))

    expected = [text for number in range(1, 7) for text in (b"o%d\n" % number, b"e%d\n" % number)]
    assert [event.data for event in runner.events if isinstance(event, Output)] == expected


def test_output_flood_does_not_starve_the_other_stream(runner: RunnerProcess) -> None:
    runner.run(phase("sh", "-c", "yes & sleep 0.3; echo heard >&2; sleep 0.3; kill $!", output_bytes=1 << 32))

    pieces = [event.stream for event in runner.events if isinstance(event, Output)]
    assert runner.stderr == b"heard\n"
    assert pieces[-1] is Stream.STDOUT
