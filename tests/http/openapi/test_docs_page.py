"""The page on which the API is tried out, as it is served. In a browser: tests/e2e/test_docs.py."""

from __future__ import annotations

import re

import pytest

from app.http.openapi.docs_page import ASSETS, Asset, read_asset
from tests.http.gateway import Gateway


async def test_the_page_asks_for_nothing_but_its_own_files(gateway: Gateway) -> None:
    page = await gateway.client.get("/docs/")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert set(named) == {*ASSETS, "data:,", "../openapi.json"}
    for name in ASSETS:
        answer = await gateway.client.get(f"/docs/{name}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, ASSETS[name].content_type)
        assert answer.content == read_asset(ASSETS[name])


async def test_nothing_inline_may_run_and_nobody_may_frame_it(gateway: Gateway) -> None:
    for path in ("/docs/", "/docs/page.js"):
        policy = (await gateway.client.get(path)).headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "style-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
    assert "<script>" not in (await gateway.client.get("/docs/")).text


@pytest.mark.parametrize(
    "path", ["/docs/nothing.js", "/docs/../document.py", "/docs/%2e%2e%2fdocument.py", "/docs/index.html"]
)
async def test_there_is_no_other_file(gateway: Gateway, path: str) -> None:
    assert (await gateway.client.get(path)).status_code == 404


async def test_without_its_slash_it_is_elsewhere(gateway: Gateway) -> None:
    answer = await gateway.client.get("/docs")
    assert (answer.status_code, answer.headers["Location"]) == (308, "docs/")


@pytest.mark.parametrize("path", ["/docs/swagger-ui.js", "/openapi.json"])
async def test_it_is_sent_once_and_compressed_to_who_takes_that(gateway: Gateway, path: str) -> None:
    plain = await gateway.client.get(path, headers={"Accept-Encoding": "identity"})
    zipped = await gateway.client.get(path, headers={"Accept-Encoding": "br, gzip"})
    assert plain.content == zipped.content  # httpx has unpacked it
    assert "Content-Encoding" not in plain.headers
    assert int(zipped.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 3
    assert plain.headers["ETag"] != zipped.headers["ETag"]
    for answer, accepted in ((plain, "identity"), (zipped, "gzip")):
        headers = {"Accept-Encoding": accepted, "If-None-Match": answer.headers["ETag"]}
        again = await gateway.client.get(path, headers=headers)
        assert (again.status_code, again.content) == (304, b"")


def test_other_files_than_those_that_were_tried_are_not_served() -> None:
    tried = ASSETS["swagger-ui.js"]
    with pytest.raises(RuntimeError, match="unexpected SHA-256 digest"):
        read_asset(Asset(tried.source, tried.content_type, "0" * 64))
