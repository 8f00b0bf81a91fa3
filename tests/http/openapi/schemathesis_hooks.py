"""Makes the valid requests of Schemathesis conform to the rules that JSON Schema cannot express."""

from __future__ import annotations

import itertools
import os
from typing import Any

import schemathesis

LANGUAGE = "python"
# Ids of the keys of the test itself, which must stay valid.
PROTECTED_KEYS = frozenset(os.environ.get("SCHEMATHESIS_PROTECTED_KEYS", "").split(","))
_UNKNOWN_KEY = "0123456789abcdef"
_numbers = itertools.count()


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    if case.path_parameters and case.path_parameters.get("key_id") in PROTECTED_KEYS:
        case.path_parameters["key_id"] = _UNKNOWN_KEY
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if "Idempotency-Key" in case.headers:  # a key cannot be used for two requests
        case.headers["Idempotency-Key"] = f"{case.headers['Idempotency-Key'][:200]}-{next(_numbers)}"
    if not isinstance(case.body, dict):
        return
    if case.operation.path == "/v1/jobs":
        make_valid(case.body)
    if case.operation.path == "/v1/admin/keys":
        case.body["name"] = printable(case.body["name"])


def make_valid(job: dict[str, Any]) -> None:
    """Change a job so that the gateway accepts it."""
    # No file and no workspace has a generated id.
    for name, value in job.items():
        job[name] = replace_file_references(value)
    for name in ("workspace", "workspace_mode"):
        job.pop(name, None)
    make_program_valid(job)
    # The host of a webhook has to be valid and public.
    if job.get("webhook_url"):
        job["webhook_url"] = "https://example.org/pyxec"
    make_tests_valid(job)
    # Patterns of JSON Schema cannot express printable characters.
    if job.get("labels"):
        job["labels"] = {name: printable(value) for name, value in job["labels"].items()}
    if job.get("artifacts"):
        job["artifacts"] = [pattern.replace("..", "_")[:60] for pattern in job["artifacts"]]


def replace_file_references(value: Any) -> Any:
    if isinstance(value, list):
        return [replace_file_references(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "file_id" in value:
        return ""
    return {name: replace_file_references(item) for name, item in value.items()}


def make_program_valid(program: dict[str, Any]) -> None:
    """Change the language and the files of a job, a checker or an interactor."""
    # The document does not contain the installed languages and versions.
    program["language"] = LANGUAGE
    program.pop("version", None)
    # File names are unique plain paths, and the entrypoint is one of them.
    for number, file in enumerate(program.get("files") or ()):
        file["name"] = f"{number}.py"
        file["encoding"] = "utf8"  # otherwise the content has to be base64
    program.pop("entrypoint", None)


def make_tests_valid(job: dict[str, Any]) -> None:
    """Change the tests of a job, and the fields that depend on each other and on the tests."""
    tests = job.get("tests")
    if not tests:
        return
    # The sums of the limits of a job and its tests are bounded.
    del tests[20:]
    job.pop("limits", None)
    # A checker or an interactor judges all tests. Half of the jobs that have both keep the interactor.
    judges = [name for name in ("checker", "interactor") if job.get(name)]
    if len(judges) == 2:
        job[judges.pop(next(_numbers) % 2)] = None
    for name in judges:
        make_program_valid(job[name])
        job.pop("compare", None)
    for number, test in enumerate(tests):
        test["name"] = str(number)  # unique
        test.pop("limits", None)
        if judges:
            test.pop("compare", None)
        elif job.get("groups") or any(compared.get("compare") is not None for compared in (job, test)):
            test["expected_output"] = test.get("expected_output") or ""
        make_comparison_valid(test)
    make_comparison_valid(job)
    for number, group in enumerate(job.get("groups") or ()):
        group["name"] = str(number)  # unique
        group["tests"] = [test["name"] for test in tests[: len(group["tests"])]]


def make_comparison_valid(compared: dict[str, Any]) -> None:
    """Select the mode of a comparison that has all options."""
    if isinstance(compared.get("compare"), dict):
        compared["compare"]["mode"] = "tokens"


def printable(text: str) -> str:
    return "".join(character if character.isprintable() else "_" for character in text)
