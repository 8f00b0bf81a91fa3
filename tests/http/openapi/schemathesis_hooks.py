"""Makes the valid requests of Schemathesis conform to the rules that JSON Schema cannot express."""

from __future__ import annotations

import itertools
from typing import Any

import schemathesis

LANGUAGE = "python"
_numbers = itertools.count()


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
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
    # The document does not contain the installed languages and versions.
    job["language"] = LANGUAGE
    job.pop("version", None)
    # File names are unique plain paths, and the entrypoint is one of them.
    for number, file in enumerate(job.get("files") or ()):
        file["name"] = f"{number}.py"
        file["encoding"] = "utf8"  # otherwise the content has to be base64
    job.pop("entrypoint", None)
    # No file and no workspace has a generated id.
    for name, value in job.items():
        job[name] = replace_file_references(value)
    for name in ("workspace", "workspace_mode"):
        job.pop(name, None)
    # The host of a webhook has to be valid and public.
    if job.get("webhook_url"):
        job["webhook_url"] = "https://example.org/pyxec"
    # Names of tests are unique, and the sums of their limits are bounded.
    for number, test in enumerate(job.get("tests") or ()):
        test["name"] = str(number)
        test.pop("limits", None)
        test.pop("compare", None)
    if job.get("tests"):
        job.pop("limits", None)
    else:
        job.pop("stop_on_first_failure", None)
        job.pop("tests_parallel", None)
    # These depend on each other and on the tests.
    for name in ("compare", "checker", "interactor", "groups"):
        job.pop(name, None)
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


def printable(text: str) -> str:
    return "".join(character if character.isprintable() else "_" for character in text)
