"""Detection of programs whose runtime ended because it got no more memory."""

from __future__ import annotations

import msgspec
import pytest

from app.core.job.events import Output, Stream
from app.core.job.spec import Invocation, JobSpec, TerminalSize
from app.sandbox.runner.heap_report import HeapReportDetector
from tests.sandbox.sandbox_fixture import LANGUAGES, job

PYTHON = LANGUAGES["python"]
TRACE = b'Traceback (most recent call last):\n  File "main.py", line 1\nMemoryError\n'


def detect(*outputs: Output, spec: JobSpec | None = None, language: str = "python") -> bool:
    detector = HeapReportDetector(LANGUAGES[language], spec or job(language, ""))
    for output in outputs:
        detector.add([output])
    return detector.is_exhausted()


def test_report_is_detected_across_chunks() -> None:
    assert detect(*(Output(Stream.STDERR, bytes([byte])) for byte in TRACE))


def test_report_is_detected_after_much_other_output() -> None:
    assert detect(Output(Stream.STDERR, b"x" * 3_000_000 + b"\n"), Output(Stream.STDERR, TRACE))


@pytest.mark.parametrize("text", [b"ValueError: MemoryError", b"", b"print('MemoryError')\n"])
def test_other_text_is_no_report(text: bytes) -> None:
    assert not detect(Output(Stream.STDERR, text))


def test_standard_output_is_no_report() -> None:
    assert not detect(Output(Stream.STDOUT, TRACE))


def test_report_is_detected_in_standard_output_with_a_terminal_or_merged_streams() -> None:
    spec = job("python", "")
    merged = Invocation(stderr_to_stdout=True)

    for changed in (
        msgspec.structs.replace(spec, tty=TerminalSize()),
        msgspec.structs.replace(spec, invocation=merged),
    ):
        assert detect(Output(Stream.STDOUT, TRACE), spec=changed)


def test_report_of_the_phase_before_does_not_count() -> None:
    detector = HeapReportDetector(PYTHON, job("python", ""))
    detector.add([Output(Stream.STDERR, TRACE)])

    detector.start_phase()

    assert not detector.is_exhausted()


def test_language_without_a_pattern_reports_nothing() -> None:
    assert not detect(Output(Stream.STDERR, TRACE), language="nasm")
