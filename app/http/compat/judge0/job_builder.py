"""Converts a submission to a job."""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

import msgspec

from app.core.callers import Caller
from app.core.constraints import MAX_STDIN_BYTES, check_size
from app.core.errors import InvalidRequest
from app.core.job.spec import FileRequest, ForeignRequest, Invocation, JobRequest, TextEncoding
from app.core.job.submission import NewJob
from app.core.judging.cases import CaseRequest
from app.core.limits import LimitOverrides, max_limit
from app.http.compat.judge0.archive import read_archive
from app.http.compat.judge0.language_ids import Judge0Language, index_languages_by_judge0_id
from app.http.compat.judge0.limits import KIB, NUMBER_FIELDS
from app.http.compat.judge0.submission import Submission, decode_submission, split_arguments
from app.http.jobs.submissions import Submissions
from app.store.languages import LanguageStore

__all__ = ["API", "JobBuilder", "decode_foreign_request"]

API: Final = "judge0"  # in the record of a job
# The scripts of a multi-file program. The first that exists is used.
_COMPILE_SCRIPTS: Final = ("compile.sh", "compile")
_RUN_SCRIPTS: Final = ("run.sh", "run")
# Field of a job request -> field of a submission.
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
_FOREIGN_DECODER: Final = msgspec.msgpack.Decoder(Submission)


def decode_foreign_request(request: ForeignRequest) -> Submission:
    """Return the submission that is stored with a job. Its source and standard input are in the spec of the job."""
    return _FOREIGN_DECODER.decode(request.body)


class JobBuilder:
    """Checks submissions and converts them to jobs."""

    def __init__(self, submissions: Submissions, languages: LanguageStore) -> None:
        self._submissions = submissions
        self._languages = languages

    async def build(
        self, document: Mapping[str, object], caller: Caller, request_id: str, *, base64_encoded: bool
    ) -> NewJob:
        """Return the job of a submission. Its id is the token.

        Args:
            document: The JSON of the submission.
            caller: The caller; its tier limits the job.
            request_id: Id of the HTTP request.
            base64_encoded: The texts of the submission are in Base64.

        Raises:
            InvalidRequest: Names the field of the submission. InvalidFields if several fields are invalid.
            StoreUnavailable: The installed languages cannot be read.
        """
        languages = index_languages_by_judge0_id((await self._languages.accepted()).values())
        ceiling = caller.tier.ceiling
        submission = decode_submission(document, languages, ceiling, base64_encoded=base64_encoded)
        language = languages[submission.language_id]
        files = await asyncio.to_thread(_collect_files, submission, language)
        job_request = _create_job_request(submission, language, files, ceiling)
        try:
            job = await self._submissions.resolve(
                job_request, caller, request_id=request_id, job_id=self._create_token()
            )
        except InvalidRequest as e:
            raise InvalidRequest(_translate_field(e.field, submission), e.reason) from e
        return _add_foreign_parts(job, submission, _create_invocation(submission, language, files))

    def _create_token(self) -> str:
        """Return a random UUID, the format that clients check, with the randomness of a job id."""
        return str(uuid.UUID(bytes=sha256(self._submissions.new_id().encode()).digest()[:16], version=4))


def _collect_files(submission: Submission, language: Judge0Language) -> Mapping[str, bytes]:
    """Return all files by name. The first is the entrypoint."""
    source = {} if language.source_file is None else {language.source_file: submission.source_code or b""}
    additional = {} if submission.additional_files is None else read_archive(submission.additional_files)
    if language.is_multi_file and not any(name in additional for name in _RUN_SCRIPTS):
        raise InvalidRequest("additional_files", "must have a script named run in the root of the archive")
    return {**source, **{name: content for name, content in additional.items() if name not in source}}


def _create_job_request(
    submission: Submission, language: Judge0Language, files: Mapping[str, bytes], ceiling: LimitOverrides
) -> JobRequest:
    runs = submission.number_of_runs or 1
    return JobRequest(
        language=language.select_image(files).id,
        files=tuple(
            FileRequest(name=name, content=base64.b64encode(content).decode("ascii"), encoding=TextEncoding.BASE64)
            for name, content in files.items()
        ),
        args=split_arguments(submission.command_line_arguments),
        limits=_convert_limits(submission, ceiling),
        tests=() if runs == 1 else (CaseRequest(),) * runs,
        webhook_url=submission.callback_url,
    )


def _convert_limits(submission: Submission, ceiling: LimitOverrides) -> LimitOverrides:
    """Convert the limits that are set. The extra time is added; the verdict compares the time that was used."""
    limits = {
        field.limit: field.to_job_limit(value)
        for name, field in NUMBER_FIELDS.items()
        if field.limit is not None and (value := getattr(submission, name)) is not None
    }
    if "cpu_seconds" in limits:
        with_extra_time = limits["cpu_seconds"] + (submission.cpu_extra_time or 0)
        limits["cpu_seconds"] = min(with_extra_time, max_limit("cpu_seconds", ceiling))
    if submission.max_file_size == 0:  # in Judge0, 0 means no limit
        limits["output_bytes"] = max_limit("output_bytes", ceiling)
    if submission.stack_limit == 0:
        limits["stack_bytes"] = max_limit("stack_bytes", ceiling)
    typed = {name: value if name.endswith("_seconds") else int(value) for name, value in limits.items()}
    return msgspec.convert(typed, LimitOverrides)


def _create_invocation(submission: Submission, language: Judge0Language, files: Mapping[str, bytes]) -> Invocation:
    invocation = language.invocation
    if language.is_multi_file:
        compile_script = next((name for name in _COMPILE_SCRIPTS if name in files), None)
        run_script = next(name for name in _RUN_SCRIPTS if name in files)
        compile_command = None if compile_script is None else ("bash", compile_script)
        invocation = Invocation(compile=compile_command, run=("bash", run_script))
    return msgspec.structs.replace(
        invocation,
        compiler_options=split_arguments(submission.compiler_options),
        stderr_to_stdout=submission.redirect_stderr_to_stdout,
        file_bytes=submission.max_file_size * KIB if submission.max_file_size else None,  # 0 means no limit
    )


def _add_foreign_parts(job: NewJob, submission: Submission, invocation: Invocation) -> NewJob:
    """Add what the native API has no fields for: binary standard input, the invocation and the submission itself."""
    stdin = check_size("stdin", submission.stdin or b"", MAX_STDIN_BYTES)
    tests = tuple(msgspec.structs.replace(test, stdin=stdin) for test in job.spec.tests)
    spec = msgspec.structs.replace(job.spec, stdin=stdin, tests=tests, invocation=invocation)
    stored = msgspec.structs.replace(submission, source_code=None, stdin=None)
    return msgspec.structs.replace(job, spec=spec, foreign=ForeignRequest(API, msgspec.msgpack.encode(stored)))


def _translate_field(field: str, submission: Submission) -> str:
    if field.startswith("files") and submission.additional_files is None:
        return "source_code"
    path = field.partition("[")[0]
    return _FIELDS.get(path, path)
