"""The fields that docs/api.md shows, compared with the OpenAPI document."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.http.openapi import make_document
from app.http.settings import HttpSettings
from tests.site.code_blocks import read_code_blocks
from tests.stack import ROOT

PAGE = ROOT / "docs" / "api.md"
DOCUMENT = make_document(HttpSettings())
SCHEMAS = DOCUMENT["components"]["schemas"]
# A row of a table with the fields of a response. Rows with `[...]` refer to another row.
ADMIN_ROW = re.compile(r"^\| `GET (/v1/admin/[^`?]+)` \| `({(?:(?!\[\.\.\.\]).)*})`", re.MULTILINE)


def find_fields(schema: Any, parents: tuple[str, ...] = ()) -> set[str]:
    """Return the names of all fields of a schema, at any depth."""
    match schema:
        case {"$ref": reference}:
            name = reference.rpartition("/")[2]
            return set() if name in parents else find_fields(SCHEMAS[name], (*parents, name))
        case {"properties": properties}:
            return set(properties).union(*(find_fields(value, parents) for value in properties.values()))
        case dict():
            return set().union(*(find_fields(value, parents) for value in schema.values()))
        case list():
            return set().union(*(find_fields(value, parents) for value in schema))
    return set()


def test_every_field_of_the_api_is_named_in_a_page() -> None:
    words = set(re.findall(r"\w+", "".join(page.read_text() for page in ROOT.glob("docs/*.md"))))

    assert {field for schema in SCHEMAS.values() for field in schema.get("properties", {})} - words == set()


def test_tables_of_the_administration_show_every_field() -> None:
    rows = ADMIN_ROW.findall(PAGE.read_text())
    assert len(rows) >= 8
    for path, shown in rows:
        [item] = [item for name, item in DOCUMENT["paths"].items() if re.sub(r"{\w*id}$", "{id}", name) == path]
        fields = find_fields(item["get"]["responses"]["200"]["content"])
        assert fields - set(re.findall(r'"(\w+)"', shown)) == set(), path


@pytest.mark.parametrize(
    ("schema", "first_field"),
    [("PendingJob", '"queue_position"'), ("FinishedJob", '"kept_files"'), ("JobResult", '"type": "finished"'),
     ("LanguageView", '"file_name"'), ("LinkView", '"fragment"'), ("NewKeyView", '"webhook_secret"')],
)  # fmt: skip
def test_example_shows_every_field_of_a_response(schema: str, first_field: str) -> None:
    [example] = [
        block.text for block in read_code_blocks(PAGE) if block.language in ("", "text") and first_field in block.text
    ]

    assert set(SCHEMAS[schema]["properties"]) - set(re.findall(r'"(\w+)":', example)) == set()
