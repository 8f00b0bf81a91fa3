"""The results of checkers from their exit codes and output."""

from __future__ import annotations

import io
import tarfile

import msgspec
import pytest

from app.core.execution.checker_job import MAX_MESSAGE_BYTES, CheckResult, encode_check, read_check
from app.core.judging.cases import CaseSpec
from app.core.judging.checker import CheckerStyle
from app.core.outcomes import PhaseReport, StopReason
from app.core.verdicts import Verdict
from tests.core.execution.test_job_judge import LIMITS, PASSED

ICPC, TESTLIB = CheckerStyle.ICPC, CheckerStyle.TESTLIB
ERROR = Verdict.CHECKER_ERROR


def exited(code: int, **fields: object) -> PhaseReport:
    return msgspec.structs.replace(PASSED, exit_code=code, **fields)


@pytest.mark.parametrize(
    ("style", "verdicts"),
    [
        (ICPC, {42: Verdict.ACCEPTED, 43: Verdict.WRONG_ANSWER}),
        (TESTLIB, {0: Verdict.ACCEPTED, **dict.fromkeys((1, 2, 4, 8), Verdict.WRONG_ANSWER)}),
    ],
)
def test_every_other_exit_code_is_an_error(style: CheckerStyle, verdicts: dict[int, Verdict]) -> None:
    results = {code: read_check(style, exited(code), b"\0\0").verdict for code in range(256)}

    assert results == {code: verdicts.get(code, ERROR) for code in range(256)}


@pytest.mark.parametrize("stopped_by", [StopReason.WALL_TIME, StopReason.CPU_TIME, StopReason.OUTPUT])
def test_checker_that_was_stopped_has_no_verdict_whatever_its_exit_code_is(stopped_by: StopReason) -> None:
    assert read_check(ICPC, exited(42, stopped_by=stopped_by), b"\0yes\0").verdict is ERROR
    assert read_check(TESTLIB, exited(0, stopped_by=stopped_by), b"\0yes\0").verdict is ERROR


@pytest.mark.parametrize(
    ("stderr", "message", "score"),
    [
        (b"log\0judge\0", "judge", None),
        (b" log\n\0\0", "log", None),
        (b"\0 \n\0 0.5\n", "", 0.5),
        (b"a\0b\0c\x00100", "c", 100.0),
        (b"\xff\0\0", "\ufffd", None),
        (b"log", "log", None),
        (b"", "", None),
    ],
)
def test_icpc_checker_gives_message_and_score(stderr: bytes, message: str, score: float | None) -> None:
    result = read_check(ICPC, exited(42), stderr)

    assert result == CheckResult(verdict=Verdict.ACCEPTED, message=message, score=score)


@pytest.mark.parametrize("score", [b"-1", b"nan", b"inf", b"1e10", b"much", b"\xff"])
def test_invalid_score_is_an_error(score: bytes) -> None:
    assert read_check(ICPC, exited(42), b"\0\0" + score).verdict is ERROR
    assert read_check(TESTLIB, exited(7), b"points " + score + b" text\0\0").verdict is ERROR


def test_testlib_points_require_a_number() -> None:
    assert read_check(TESTLIB, exited(7), b"debug\npoints 12.5 half\n\0\0").score == 12.5
    assert read_check(TESTLIB, exited(7), b"half\0\0").verdict is ERROR


def test_long_message_is_cut() -> None:
    message = read_check(TESTLIB, exited(1), b"x" * 10**5 + b"\0\0").message

    assert len(message) == MAX_MESSAGE_BYTES


@pytest.mark.parametrize("output", [b"", b"x" * 511, b"x" * 512, bytes(range(256)) * 100])
def test_archive_for_a_checker_contains_input_answer_and_output(output: bytes) -> None:
    test = CaseSpec(name="a", stdin=b"in\0put", args=(), expected_output=b"answer", limits=LIMITS)

    data = b"".join(content for content in encode_check(test, output) if isinstance(content, bytes))

    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        members = {member.name: member for member in archive.getmembers()}
        assert list(members) == [".pyxec", ".pyxec/feedback", ".pyxec/input", ".pyxec/answer", ".pyxec/output"]
        assert [member.isdir() for member in members.values()] == [True, True, False, False, False]
        contents = [archive.extractfile(member) for member in list(members.values())[2:]]
        assert [content and content.read() for content in contents] == [b"in\0put", b"answer", output]
    assert len(data) % tarfile.RECORDSIZE == 0
