"""The job that runs a checker: its phases, its input and its result.

A checker runs in a sandbox of its own. There, it is compiled once, and each run is a test whose stdin contains the
files of the program's test. A shell script writes them into a folder and then starts the checker.
"""

from __future__ import annotations

import math
import re
import signal
import tarfile
from collections.abc import Mapping
from typing import Final

import msgspec

from app.core.files import Content
from app.core.job.spec import Invocation, JobSpec
from app.core.judging.cases import CaseSpec
from app.core.judging.checker import CheckerSpec, CheckerStyle
from app.core.judging.phase_outcomes import judge_phase
from app.core.limits import TotalLimits
from app.core.outcomes import Outcome, PhaseReport
from app.core.verdicts import Verdict

__all__ = [
    "MAX_MESSAGE_BYTES",
    "MAX_SCORE",
    "CheckResult",
    "create_checker_job",
    "encode_check",
    "encode_interaction",
    "read_check",
]

#: Bytes of the message of a checker, and of its compiler, that a result contains.
MAX_MESSAGE_BYTES: Final = 4096
MAX_SCORE: Final = 1e9

_FOLDER: Final = ".pyxec"
# Exit code of the script; no style uses it.
_SCRIPT_FAILED: Final = 125
# The script ends stderr with message and score, which the checker has written into its feedback folder, each after
# a NUL. It starts few processes: each takes about as long as a small checker.
_SCRIPT: Final = f"""
{{save_files}} || {{{{ echo "the files of the test could not be written" >&2; exit {_SCRIPT_FAILED}; }}}}
"$@" {{redirections}}
code=$?
exec >&2
printf '\\0'
cd {_FOLDER}/feedback 2> /dev/null
[ ! -e judgemessage.txt ] || head -c {MAX_MESSAGE_BYTES} judgemessage.txt 2> /dev/null
printf '\\0'
[ ! -e score.txt ] || head -c 64 score.txt 2> /dev/null
exit $code
"""
# Stdin: an archive of the folder with input, answer and output of the program.
_CHECKER_SCRIPT: Final = _SCRIPT.format(save_files="tar -x", redirections=f"< {_FOLDER}/output 1>&2")
# Stdin: the sizes of input and answer in a line, input, answer, then what the program writes while it runs.
_INTERACTOR_SCRIPT: Final = _SCRIPT.format(
    save_files=f"""read -r input_bytes answer_bytes && mkdir {_FOLDER} {_FOLDER}/feedback &&
head -c "$input_bytes" > {_FOLDER}/input && head -c "$answer_bytes" > {_FOLDER}/answer""",
    redirections="",
)
_ARGUMENTS: Final[Mapping[CheckerStyle, tuple[str, ...]]] = {
    # https://www.kattis.com/problem-package-format/spec/legacy.html#output-validators
    CheckerStyle.ICPC: (f"{_FOLDER}/input", f"{_FOLDER}/answer", f"{_FOLDER}/feedback/"),
    # https://github.com/MikeMirzayanov/testlib
    CheckerStyle.TESTLIB: (f"{_FOLDER}/input", f"{_FOLDER}/output", f"{_FOLDER}/answer"),
}
_VERDICTS: Final[Mapping[CheckerStyle, Mapping[int, Verdict]]] = {
    CheckerStyle.ICPC: {42: Verdict.ACCEPTED, 43: Verdict.WRONG_ANSWER},
    # 1: wrong answer, 2: presentation error, 4: additional output, 8: unexpected end of file. 3 is an error of the
    # checker.
    CheckerStyle.TESTLIB: {
        0: Verdict.ACCEPTED,
        **dict.fromkeys((1, 2, 4, 8), Verdict.WRONG_ANSWER),
        7: Verdict.PARTIALLY_ACCEPTED,
    },
}
_TESTLIB_POINTS: Final = re.compile(r"^\s*points\s+(\S+)", re.MULTILINE)


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one run of a checker.

    Attributes:
        verdict: ACCEPTED, PARTIALLY_ACCEPTED, WRONG_ANSWER or CHECKER_ERROR. With an interactor, also that of a
            program that failed.
        message: What the checker wrote, or the reason of the error.
        score: The score that the checker has given, or None.
        sent: The beginning of what an interactor wrote to the program. None for a checker.
    """

    verdict: Verdict
    message: str
    score: float | None = None
    sent: str | None = None


def create_checker_job(
    checker: CheckerSpec, runs: int, total_limits: TotalLimits, *, is_interactor: bool = False
) -> JobSpec:
    """Return the job that compiles a checker or interactor and runs it for each test of a program.

    Args:
        checker: The checker or interactor.
        runs: Maximum number of runs.
        total_limits: The limits of all runs together.
        is_interactor: Whether it reads the output of the program while the program runs.
    """
    script = _INTERACTOR_SCRIPT if is_interactor else _CHECKER_SCRIPT
    args = (*_ARGUMENTS[checker.style], *checker.args)
    return JobSpec(
        language=checker.language,
        files=checker.files,
        entrypoint=checker.entrypoint,
        stdin=b"",
        args=(),
        env={},
        limits=checker.limits,
        interactive=is_interactor,
        tests=tuple(
            CaseSpec(name=str(number), stdin=b"", args=args, expected_output=None, limits=checker.limits)
            for number in range(1, runs + 1)
        ),
        invocation=Invocation(command_prefix=("/bin/sh", "-c", script, "sh")),
        total_limits=total_limits,
        hold_tests=True,
    )


def encode_check(test: CaseSpec, output: bytes) -> tuple[Content, ...]:
    """Return the stdin of a run of a checker, as contents that follow each other: an archive in the format of tar.

    Args:
        test: The test; its input is its stdin, its answer the expected output.
        output: What the program wrote to standard output.
    """
    contents: list[Content] = [_encode_header("", 0), _encode_header("feedback", 0)]
    size = 2 * tarfile.BLOCKSIZE
    for name, content in (("input", test.stdin), ("answer", test.expected_output or b""), ("output", output)):
        padding = bytes(-len(content) % tarfile.BLOCKSIZE)
        contents += [_encode_header(name, len(content)), content, padding]
        size += tarfile.BLOCKSIZE + len(content) + len(padding)
    # The archive ends with two empty blocks, and has whole records.
    return (*contents, bytes(2 * tarfile.BLOCKSIZE + -(size + 2 * tarfile.BLOCKSIZE) % tarfile.RECORDSIZE))


def encode_interaction(test: CaseSpec) -> tuple[Content, ...]:
    """Return the beginning of the stdin of a run of an interactor, as contents that follow each other."""
    answer = test.expected_output or b""
    return (f"{len(test.stdin)} {len(answer)}\n".encode(), test.stdin, answer)


def _encode_header(name: str, size_bytes: int) -> bytes:
    """Return the header of a file in the folder, of its folder ``feedback``, or of the folder itself."""
    info = tarfile.TarInfo(f"{_FOLDER}/{name}".rstrip("/"))
    info.size = size_bytes
    info.mode = 0o644
    if name in ("", "feedback"):
        info.type, info.mode = tarfile.DIRTYPE, 0o755
    return info.tobuf(tarfile.GNU_FORMAT)


def read_check(style: CheckerStyle, report: PhaseReport, stderr: bytes) -> CheckResult:
    """Return the result of a run of a checker.

    Args:
        style: The style of the checker.
        report: The report of the run.
        stderr: The end of standard error: what the checker wrote, and the message and the score of the feedback folder.
    """
    ending = judge_phase(report)
    log, *feedback = stderr.rsplit(b"\0", 2)
    message, score_text = feedback if len(feedback) == 2 else (b"", b"")
    text = _decode_message(message) or _decode_message(log)
    if ending.outcome not in (Outcome.OK, Outcome.NONZERO_EXIT) or ending.exit_code is None:
        return _create_error(ending.message, text)
    verdict = _VERDICTS[style].get(ending.exit_code)
    if verdict is None:
        return _create_error(_describe_exit_code(ending.exit_code), text)
    if style is CheckerStyle.TESTLIB:
        points = _TESTLIB_POINTS.search(text) if verdict is Verdict.PARTIALLY_ACCEPTED else None
        given = None if points is None else points[1]
    else:
        given = score_text.decode(errors="replace").strip() or None
    score = None if given is None else _parse_score(given)
    if score is None and (given is not None or verdict is Verdict.PARTIALLY_ACCEPTED):
        return _create_error(f"the score must be a number from 0 to {MAX_SCORE:g}", text)
    return CheckResult(verdict=verdict, message=text, score=score)


def _create_error(reason: str, text: str) -> CheckResult:
    return CheckResult(verdict=Verdict.CHECKER_ERROR, message=f"{reason}: {text}" if text else reason)


def _describe_exit_code(code: int) -> str:
    if code == _SCRIPT_FAILED:
        return "the checker was not started"
    # A shell exits with 128 + N if signal N has ended the command.
    if code - 128 in {number.value for number in signal.Signals}:
        return f"killed by signal {code - 128} ({signal.Signals(code - 128).name})"
    return f"exited with code {code}, which is no verdict"


def _decode_message(data: bytes) -> str:
    return data[-MAX_MESSAGE_BYTES:].decode(errors="replace").strip()


def _parse_score(text: str) -> float | None:
    try:
        score = float(text)
    except ValueError:
        return None
    return score if math.isfinite(score) and 0 <= score <= MAX_SCORE else None
