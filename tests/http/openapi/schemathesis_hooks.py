"""What a client knows that a schema cannot say, for requests that are meant to be right. Those that are meant to be
wrong are left as they are."""

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
    if "Idempotency-Key" in case.headers:  # one key is for one request
        case.headers["Idempotency-Key"] = f"{case.headers['Idempotency-Key'][:200]}-{next(_numbers)}"
    if not isinstance(case.body, dict):
        return
    if case.operation.path == "/v1/jobs":
        make_possible(case.body)
    if case.operation.path == "/v1/admin/keys":
        case.body["name"] = printable(case.body["name"])


def make_possible(job: dict[str, Any]) -> None:
    """A job of the same form that could run here."""
    # Which languages there are is asked, not written down; of no version but the one that is there.
    job["language"] = LANGUAGE
    job.pop("version", None)
    # A file is named by a plain path (described in words), each once; one of them is the entrypoint.
    for number, file in enumerate(job.get("files") or ()):
        file["name"] = f"{number}.py"
        file["encoding"] = "utf8"  # else the content has to be base64, whatever else its schema says
    job.pop("entrypoint", None)
    # An address in a network that is not the internet is refused, and so is nonsense behind the //.
    if job.get("webhook_url"):
        job["webhook_url"] = "https://example.org/pyxec"
    # Tests are told apart by their names, and share a bound on their time and output.
    for number, test in enumerate(job.get("tests") or ()):
        test["name"] = str(number)
        test.pop("limits", None)
    if job.get("tests"):
        job.pop("limits", None)
    # Unicode's classes are not among the patterns that every validator knows.
    if job.get("labels"):
        job["labels"] = {name: printable(value) for name, value in job["labels"].items()}
    if job.get("artifacts"):
        job["artifacts"] = [pattern.replace("..", "_")[:60] for pattern in job["artifacts"]]


def printable(text: str) -> str:
    return "".join(character if character.isprintable() else "_" for character in text)
