"""The files and the limits of an execution plan."""

from __future__ import annotations

import codecs

import msgspec
import pytest

from app.core.job.spec import SourceFile
from app.core.limits import MIB, LimitOverrides
from app.sandbox.runner.execution_plan import plan_execution
from tests.sandbox.sandbox_fixture import LANGUAGES, job

TEXT = codecs.BOM_UTF8 + b"echo a\r\necho b\rc\r\n"


@pytest.mark.parametrize(
    ("language", "expected"), [("bash", b"echo a\necho b\rc\n"), ("php", b"echo a\r\necho b\rc\r\n"), ("c", TEXT)]
)
def test_entrypoint_loses_what_is_fatal_in_its_language(language: str, expected: bytes) -> None:
    plan = plan_execution(job(language, TEXT), LANGUAGES[language])

    assert plan.files[0].content == expected


def test_other_files_are_written_as_sent() -> None:
    plan = plan_execution(job("bash", "", files={"data.txt": TEXT}), LANGUAGES["bash"])

    assert plan.files[1] == SourceFile("data.txt", TEXT)


def test_heap_follows_the_memory_of_each_phase() -> None:
    java = msgspec.structs.replace(LANGUAGES["java"], limits=LimitOverrides(memory_bytes=512 * MIB))

    compiling, running = plan_execution(job("java", "", memory_bytes=128 * MIB), java).phases

    assert "-J-Xmx384m" in compiling.argv
    assert "-Xmx96m" in running.argv


def test_variables_of_the_job_override_those_of_the_language() -> None:
    spec = msgspec.structs.replace(job("go", ""), env={"GOMEMLIMIT": "7MiB", "USER": "other"})

    environment = dict(plan_execution(spec, LANGUAGES["go"]).phases[-1].env)

    assert (environment["GOMEMLIMIT"], environment["USER"]) == ("7MiB", "other")
