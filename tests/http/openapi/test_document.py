"""The OpenAPI document is valid, complete, and has the limits that the gateway checks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from jsonschema import ValidationError
from openapi_spec_validator import validate

from app.core import constraints
from app.core.errors import InvalidRequest
from app.core.job.resolve import resolve_spec
from app.core.job.spec import JobRequest
from app.core.languages import index_languages
from app.core.limits import LIMITS
from app.http.app import ERROR_FORMATS
from app.http.decoding import decode
from app.http.errors import HTTP_PROBLEM_TYPES, PROBLEM_TYPES
from tests.http.gateway import PYTHON
from tests.http.openapi.conformance import DOCUMENT, validate_schema
from tests.http.routes import http_routes, websocket_routes

# The documentation page and MCP, a protocol of its own, are not part of the API.
PAGE = ("/mcp", "/docs", "/docs/", "/docs/{name}")
JOB: dict[str, Any] = {"language": "python", "source": "print(1)"}
JOB_SCHEMA = {"$ref": "#/components/schemas/JobRequest"}


def select_native(paths: Iterator[tuple[str, str]]) -> set[tuple[str, str]]:
    """Remove the routes of the compat APIs, and convert templates to the syntax of OpenAPI."""
    return {
        (method, path.replace(":path}", "}"))
        for method, path in paths
        if not path.startswith(tuple(ERROR_FORMATS)) and path not in PAGE
    }


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for template, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if method in ("get", "post", "delete", "put", "patch"):
                yield method, template, operation


def test_document_is_valid() -> None:
    validate(DOCUMENT)


def test_document_describes_every_route_and_no_other() -> None:
    registered = select_native(http_routes())
    documented = {(method.upper(), template) for method, template, _ in operations()}
    assert {route for route in registered if route[0] != "HEAD"} == documented
    # The introduction says that every path with GET supports HEAD
    assert {path for method, path in registered if method == "HEAD"} == {
        path for method, path in registered if method == "GET"
    }


def test_document_describes_every_websocket() -> None:
    documented = {template for template, item in DOCUMENT["paths"].items() if "x-websocket" in item}
    assert {path for path in websocket_routes() if not path.startswith(tuple(ERROR_FORMATS))} == documented


def test_document_contains_every_problem_type() -> None:
    slugs = {slug for _, slug, _ in PROBLEM_TYPES.values()} | {slug for _, slug, _ in HTTP_PROBLEM_TYPES.values()}
    in_responses = set()
    for _, _, operation in operations():
        for response in operation["responses"].values():
            schema = response.get("content", {}).get("application/problem+json", {}).get("schema", {})
            in_responses |= {
                name.rpartition("/")[2] for name in schema.get("properties", {}).get("type", {}).get("enum", ())
            }
    # These are sent before the operation is known, or for every operation.
    assert slugs - in_responses == {
        "expectation-failed",
        "head-too-large",
        "host-not-allowed",
        "method-not-allowed",
        "transfer-encoding-not-supported",
    }
    for slug in slugs:
        assert f"`/problems/{slug}`" in DOCUMENT["info"]["description"]


def test_operations_have_unique_ids_summaries_and_tags() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert sorted(ids) == sorted(set(ids))
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    for _, _, operation in operations():
        assert operation["summary"]
        assert set(operation["tags"]) <= tags
        for response in operation["responses"].values():
            assert "X-Request-Id" in response["headers"]


def test_examples_are_valid() -> None:
    for _, _, operation in operations():
        for media_type in operation.get("requestBody", {}).get("content", {}).values():
            if not media_type["schema"]:
                continue  # the bytes of a file
            assert media_type["examples"]
            for example in media_type["examples"].values():
                validate_schema(example["value"], media_type["schema"])


def test_links_have_all_parameters_of_their_operation() -> None:
    by_id = {operation["operationId"]: operation for _, _, operation in operations()}
    for _, _, operation in operations():
        for response in operation["responses"].values():
            for link in response.get("links", {}).values():
                parameters = by_id[link["operationId"]]["parameters"]
                names = [parameter["name"] for parameter in parameters if parameter["in"] == "path"]
                assert sorted(link["parameters"]) == sorted(names)


def is_accepted(job: dict[str, Any]) -> bool:
    """Return whether the gateway accepts a job."""
    try:
        resolve_spec(decode(msgspec.json.Decoder(JobRequest), json.dumps(job)), index_languages([PYTHON]))
    except InvalidRequest:
        return False
    return True


def matches_schema(job: dict[str, Any]) -> bool:
    try:
        validate_schema(job, JOB_SCHEMA)
    except ValidationError:
        return False
    return True


def jobs_at_limits() -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield jobs with a value at a limit and just outside of it, and whether it is inside."""
    for name, allowed in LIMITS.items():
        step = 0.01 if name.endswith("_seconds") else 1
        for value, inside in (
            (allowed.minimum, True),
            (allowed.minimum - step, False),
            (allowed.maximum, True),
            (allowed.maximum + step, False),
        ):
            yield JOB | {"limits": {name: value}}, inside
            if name in ("wall_seconds", "cpu_seconds", "output_bytes", "open_files"):
                yield JOB | {"tests": [{"limits": {name: value}}]}, inside
    for excess in (0, 1):
        inside = not excess
        yield {"language": "python", "source": "x" * (constraints.MAX_FILES_BYTES + excess)}, inside
        yield JOB | {"stdin": "x" * (constraints.MAX_STDIN_BYTES + excess)}, inside
        yield JOB | {"args": ["x"] * (constraints.MAX_ARGUMENTS + excess)}, inside
        yield JOB | {"env": {f"V{n}": "" for n in range(constraints.MAX_ENVIRONMENT + excess)}}, inside
        yield JOB | {"env": {"V" * (128 + excess): ""}}, inside
        yield JOB | {"tests": [{}] * (constraints.MAX_CASES + excess), "limits": {"wall_seconds": 1}}, inside
        yield JOB | {"tests": [{"name": "x" * (constraints.MAX_CASE_NAME_CHARACTERS + excess)}]}, inside
        yield JOB | {"artifacts": ["x"] * (constraints.MAX_ARTIFACT_PATTERNS + excess)}, inside
        yield JOB | {"artifacts": ["x" * (constraints.MAX_PATTERN_BYTES + excess)]}, inside
        files = [{"name": f"{n}.py", "content": ""} for n in range(constraints.MAX_FILES + excess)]
        yield {"language": "python", "files": files}, inside
        yield JOB | {"tty": {"rows": 1000 + excess}}, inside
        yield JOB | {"compile_limits": {"wall_seconds": 30 + excess}}, inside


@pytest.mark.parametrize(("job", "inside"), list(jobs_at_limits()), ids=lambda value: str(value)[:60])
def test_schema_has_the_limits_that_are_checked(job: dict[str, Any], inside: bool) -> None:
    assert (is_accepted(job), matches_schema(job)) == (inside, inside)


@pytest.mark.parametrize(
    "job",
    [
        {"language": "python"},
        JOB | {"files": [{"name": "a", "content": ""}]},
        {"language": "python", "files": []},
        JOB | {"unknown": 1},
        JOB | {"args": ["a\0"]},
        JOB | {"env": {"1": ""}},
        JOB | {"env": {"A": "\0"}},
        {"language": "python", "files": [{"name": "/etc/passwd", "content": ""}]},
        {"language": "python", "files": [{"name": "-o", "content": ""}]},
        {"language": "python", "files": [{"name": "a\\b", "content": ""}]},
        JOB | {"artifacts": ["/etc/passwd"]},
        JOB | {"tests": [{}], "tty": {}},
        JOB | {"tests": [{}], "interactive": True},
        JOB | {"tests": [{}], "artifacts": ["*"]},
        JOB | {"tests": [{"name": ""}]},
        JOB | {"priority": "soon"},
    ],
    ids=str,
)
def test_schema_rejects_invalid_jobs(job: dict[str, Any]) -> None:
    assert (is_accepted(job), matches_schema(job)) == (False, False)
