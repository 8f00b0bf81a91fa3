"""From a submission to a job that is ready for the queue."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from app.core.callers import Caller
from app.core.cases import CaseRequest, CaseSpec
from app.core.constraints import MAX_STDIN_BYTES
from app.core.errors import InvalidRequest
from app.core.fields import bounded
from app.core.limits import LimitOverrides, maximum_of
from app.core.spec import FileRequest, ForeignRequest, Invocation, JobRequest, TextEncoding
from app.core.submission import NewJob
from app.http.compat.judge0.archive import read_archive
from app.http.compat.judge0.language_ids import Offer, offers_of
from app.http.compat.judge0.limits import KIB, KNOBS
from app.http.compat.judge0.submission import Submission, read_submission, words_of
from app.http.submissions import Submissions
from app.store.languages import LanguageStore

__all__ = ["API", "Preparation", "kept_submission"]

API: Final = "judge0"
# How a program of many files says what is to be done with it: the first of these names that is there.
_COMPILE_SCRIPTS: Final = ("compile.sh", "compile")
_RUN_SCRIPTS: Final = ("run.sh", "run")
# Our field -> the one of theirs that it was made from.
_FIELDS: Final[Mapping[str, str]] = {
    "args": "command_line_arguments",
    "files": "additional_files",
    "language": "language_id",
    "limits.cpu_seconds": "cpu_time_limit",
    "limits.memory_bytes": "memory_limit",
    "limits.output_bytes": "max_file_size",
    "limits.processes": "max_processes_and_or_threads",
    "limits.wall_seconds": "wall_time_limit",
    "tests": "number_of_runs",
    "webhook_url": "callback_url",
}
_decode_kept: Final = msgspec.msgpack.Decoder(Submission)


def kept_submission(request: ForeignRequest) -> Submission:
    """What was sent, as it is kept with the job; source and standard input are in the job itself."""
    return _decode_kept.decode(request.body)


class Preparation:
    """Checks submissions whole, as our own API does, before anything is queued."""

    def __init__(self, submissions: Submissions, languages: LanguageStore) -> None:
        self._submissions = submissions
        self._languages = languages

    async def prepare(
        self, token: str, document: Mapping[str, object], caller: Caller, request_id: str, *, base64_encoded: bool
    ) -> NewJob:
        """The job.

        Raises:
            InvalidRequest: names Judge0's field; InvalidFields where there are several.
            StoreUnavailable
        """
        offers = offers_of((await self._languages.accepted()).values())
        ceiling = caller.tier.ceiling
        submission = read_submission(document, offers, ceiling, base64_encoded=base64_encoded)
        offer = offers[submission.language_id]
        files = await asyncio.to_thread(_files, submission, offer)
        try:
            job = await self._submissions.resolve(
                _request(submission, offer, files, ceiling), caller, request_id=request_id, job_id=token
            )
        except InvalidRequest as e:
            raise InvalidRequest(_field_of(e.field, submission), e.reason) from e
        return _completed(job, submission, _invocation(submission, offer, files))


def _files(submission: Submission, offer: Offer) -> Mapping[str, bytes]:
    """The first is the one to start with."""
    own = {} if offer.source_file is None else {offer.source_file: submission.source_code or b""}
    others = {} if submission.additional_files is None else read_archive(submission.additional_files)
    if offer.is_project and not any(name in others for name in _RUN_SCRIPTS):
        raise InvalidRequest("additional_files", "must have a script named run in the root of the archive")
    return {**own, **{name: content for name, content in others.items() if name not in own}}


def _request(submission: Submission, offer: Offer, files: Mapping[str, bytes], ceiling: LimitOverrides) -> JobRequest:
    runs = submission.number_of_runs or 1
    return JobRequest(
        language=offer.language_for(files).id,
        files=tuple(
            FileRequest(name=name, content=base64.b64encode(content).decode("ascii"), encoding=TextEncoding.BASE64)
            for name, content in files.items()
        ),
        args=words_of(submission.command_line_arguments),
        limits=_limits(submission, ceiling),
        tests=() if runs == 1 else (CaseRequest(),) * runs,
        webhook_url=submission.callback_url,
    )


def _limits(submission: Submission, ceiling: LimitOverrides) -> LimitOverrides:
    """What was asked for; the extra time is on top, and what was used decides afterwards."""
    asked = {
        knob.limit: knob.in_ours(value)
        for name, knob in KNOBS.items()
        if knob.limit is not None and (value := getattr(submission, name)) is not None
    }
    if "cpu_seconds" in asked:
        with_extra = asked["cpu_seconds"] + (submission.cpu_extra_time or 0)
        asked["cpu_seconds"] = min(with_extra, maximum_of("cpu_seconds", ceiling))
    if submission.max_file_size == 0:  # no limit at all, in Judge0
        asked["output_bytes"] = maximum_of("output_bytes", ceiling)
    whole = {name: value if name.endswith("_seconds") else int(value) for name, value in asked.items()}
    return msgspec.convert(whole, LimitOverrides)


def _invocation(submission: Submission, offer: Offer, files: Mapping[str, bytes]) -> Invocation:
    own = offer.invocation
    if offer.is_project:
        compile_script = next((name for name in _COMPILE_SCRIPTS if name in files), None)
        run_script = next(name for name in _RUN_SCRIPTS if name in files)
        compile_command = None if compile_script is None else ("bash", compile_script)
        own = Invocation(compile=compile_command, run=("bash", run_script))
    return msgspec.structs.replace(
        own,
        compiler_options=words_of(submission.compiler_options),
        stderr_to_stdout=submission.redirect_stderr_to_stdout,
        stack_bytes=_bytes(submission.stack_limit, KNOBS["stack_limit"].most),
        file_bytes=_bytes(submission.max_file_size, None),
    )


def _bytes(kilobytes: int | None, instead_of_zero: float | None) -> int | None:
    """0 KB is no limit, in Judge0: then it is the most there is."""
    if kilobytes == 0:
        return None if instead_of_zero is None else int(instead_of_zero) * KIB
    return None if kilobytes is None else kilobytes * KIB


def _completed(job: NewJob, submission: Submission, invocation: Invocation) -> NewJob:
    """With standard input, which may be any bytes, and what our own API has no words for."""
    stdin = bounded("stdin", submission.stdin or b"", MAX_STDIN_BYTES)
    spec = msgspec.structs.replace(
        job.spec, stdin=stdin, tests=_with_stdin(job.spec.tests, stdin), invocation=invocation
    )
    kept = msgspec.structs.replace(submission, source_code=None, stdin=None)
    return msgspec.structs.replace(job, spec=spec, foreign=ForeignRequest(API, msgspec.msgpack.encode(kept)))


def _with_stdin(tests: Sequence[CaseSpec], stdin: bytes) -> tuple[CaseSpec, ...]:
    return tuple(msgspec.structs.replace(test, stdin=stdin) for test in tests)


def _field_of(field: str, submission: Submission) -> str:
    if field.startswith("files") and submission.additional_files is None:
        return "source_code"
    top = field.partition("[")[0]
    return _FIELDS.get(top, top)
