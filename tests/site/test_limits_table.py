"""The table of all limits in docs/limits.md, which is generated from the constants of the service."""

from __future__ import annotations

import msgspec

from app.core.job.spec import JobRequest
from app.core.limits import LIMITS, LimitOverrides
from deploy.site.limits_table import format_limits_table, replace_table
from tests.stack import ROOT

DOCUMENT = (ROOT / "docs" / "limits.md").read_text()


def test_limits_table_in_the_documentation_is_current() -> None:
    assert replace_table(DOCUMENT, format_limits_table()) == DOCUMENT, "run python -m deploy.site.limits_table"


def test_limits_table_contains_every_limit_of_a_program() -> None:
    assert {field.name for field in msgspec.structs.fields(LimitOverrides)} == LIMITS.keys()
    for name, limit in LIMITS.items():
        [row] = [line for line in DOCUMENT.splitlines() if line.startswith(f"| `{name}`: ")]
        assert limit.description in row


def test_limits_table_contains_every_bounded_list_of_a_job() -> None:
    schema = msgspec.json.schema(JobRequest)["$defs"]["JobRequest"]["properties"]
    bounds = {name: str(field["maxItems"]) for name, field in schema.items() if "maxItems" in field}
    assert {"tests", "groups", "artifacts", "args"} <= bounds.keys()
    for bound in bounds.values():
        assert f"| {bound}" in DOCUMENT
