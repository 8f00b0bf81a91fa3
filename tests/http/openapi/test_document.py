"""The document is valid, tells of every route and every problem, and says what the types check."""

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
from app.core.languages import index_languages
from app.core.limits import LIMITS
from app.core.resolve import resolve_spec
from app.core.spec import JobRequest
from app.http.app import ERROR_FORMATS
from app.http.decoding import decode
from app.http.errors import HTTP_PROBLEM_TYPES, PROBLEM_TYPES
from tests.http.gateway import PYTHON
from tests.http.openapi.conformance import DOCUMENT, check
from tests.http.routes import http_routes, websocket_routes

# The page on which the document is read is no part of the API.
PAGE = ("/docs", "/docs/", "/docs/{name}")
JOB: dict[str, Any] = {"language": "python", "source": "print(1)"}
JOB_SCHEMA = {"$ref": "#/components/schemas/JobRequest"}


def native(paths: Iterator[tuple[str, str]]) -> set[tuple[str, str]]:
    """Without other people's APIs, and as OpenAPI writes templates."""
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


def test_it_is_valid_openapi() -> None:
    validate(DOCUMENT)


def test_it_tells_of_every_route_and_of_no_other() -> None:
    registered = native(http_routes())
    told = {(method.upper(), template) for method, template, _ in operations()}
    assert {route for route in registered if route[0] != "HEAD"} == told
    # Every GET answers HEAD, as its introduction says once for all
    assert {path for method, path in registered if method == "HEAD"} == {
        path for method, path in registered if method == "GET"
    }


def test_it_tells_of_every_socket() -> None:
    told = {template for template, item in DOCUMENT["paths"].items() if "x-websocket" in item}
    assert {path for path in websocket_routes() if not path.startswith(tuple(ERROR_FORMATS))} == told


def test_it_tells_of_every_problem() -> None:
    slugs = {slug for _, slug, _ in PROBLEM_TYPES.values()} | {slug for _, slug, _ in HTTP_PROBLEM_TYPES.values()}
    in_responses = set()
    for _, _, operation in operations():
        for response in operation["responses"].values():
            schema = response.get("content", {}).get("application/problem+json", {}).get("schema", {})
            in_responses |= {
                name.rpartition("/")[2] for name in schema.get("properties", {}).get("type", {}).get("enum", ())
            }
    assert slugs - in_responses == {"method-not-allowed"}  # of no operation: of what is none
    for slug in slugs:
        assert f"`/problems/{slug}`" in DOCUMENT["info"]["description"]


def test_every_operation_has_its_words() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert sorted(ids) == sorted(set(ids))
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    for _, _, operation in operations():
        assert operation["summary"]
        assert set(operation["tags"]) <= tags
        for response in operation["responses"].values():
            assert "X-Request-Id" in response["headers"]


def test_every_example_is_valid() -> None:
    for _, _, operation in operations():
        for media_type in operation.get("requestBody", {}).get("content", {}).values():
            assert media_type["examples"]
            for example in media_type["examples"].values():
                check(example["value"], media_type["schema"])


def test_every_link_leads_to_an_operation_and_gives_what_it_needs() -> None:
    by_id = {operation["operationId"]: operation for _, _, operation in operations()}
    for _, _, operation in operations():
        for response in operation["responses"].values():
            for link in response.get("links", {}).values():
                wanted = [each["name"] for each in by_id[link["operationId"]]["parameters"] if each["in"] == "path"]
                assert sorted(link["parameters"]) == sorted(wanted)


def is_accepted(job: dict[str, Any]) -> bool:
    """By the types and by what checks behind them."""
    try:
        resolve_spec(decode(msgspec.json.Decoder(JobRequest), json.dumps(job)), index_languages([PYTHON]))
    except InvalidRequest:
        return False
    return True


def is_told(job: dict[str, Any]) -> bool:
    try:
        check(job, JOB_SCHEMA)
    except ValidationError:
        return False
    return True


def bounds() -> Iterator[tuple[dict[str, Any], bool]]:
    """Jobs at each bound, and just beyond it."""
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
    for more in (0, 1):
        inside = not more
        yield {"language": "python", "source": "x" * (constraints.MAX_FILES_BYTES + more)}, inside
        yield JOB | {"stdin": "x" * (constraints.MAX_STDIN_BYTES + more)}, inside
        yield JOB | {"args": ["x"] * (constraints.MAX_ARGUMENTS + more)}, inside
        yield JOB | {"env": {f"V{n}": "" for n in range(constraints.MAX_ENVIRONMENT + more)}}, inside
        yield JOB | {"env": {"V" * (128 + more): ""}}, inside
        yield JOB | {"tests": [{}] * (constraints.MAX_CASES + more), "limits": {"wall_seconds": 1}}, inside
        yield JOB | {"tests": [{"name": "x" * (constraints.MAX_CASE_NAME_CHARACTERS + more)}]}, inside
        yield JOB | {"artifacts": ["x"] * (constraints.MAX_ARTIFACT_PATTERNS + more)}, inside
        yield JOB | {"artifacts": ["x" * (constraints.MAX_PATTERN_BYTES + more)]}, inside
        files = [{"name": f"{n}.py", "content": ""} for n in range(constraints.MAX_FILES + more)]
        yield {"language": "python", "files": files}, inside
        yield JOB | {"tty": {"rows": 1000 + more}}, inside
        yield JOB | {"compile_limits": {"wall_seconds": 30 + more}}, inside


@pytest.mark.parametrize(("job", "inside"), list(bounds()), ids=lambda value: str(value)[:60])
def test_a_bound_is_told_as_it_is_checked(job: dict[str, Any], inside: bool) -> None:
    assert (is_accepted(job), is_told(job)) == (inside, inside)


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
def test_a_refusal_is_told(job: dict[str, Any]) -> None:
    assert (is_accepted(job), is_told(job)) == (False, False)
