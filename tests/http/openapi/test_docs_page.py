"""The documentation page as it is served. tests/e2e/test_api_docs.py tests it in a browser."""

from __future__ import annotations

import re

import pytest

from app.http.openapi.docs_page import ASSETS, Asset, read_asset
from tests.http.gateway import Gateway


async def test_page_refers_only_to_its_own_files(gateway: Gateway) -> None:
    page = await gateway.client.get("/docs/")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    urls = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert set(urls) == {*ASSETS, "data:,", "../openapi.json"}
    for name in ASSETS:
        response = await gateway.client.get(f"/docs/{name}")
        assert (response.status_code, response.headers["Content-Type"]) == (200, ASSETS[name].content_type)
        assert response.content == read_asset(ASSETS[name])


async def test_policy_forbids_inline_scripts_and_frames(gateway: Gateway) -> None:
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
async def test_docs_has_no_other_files(gateway: Gateway, path: str) -> None:
    assert (await gateway.client.get(path)).status_code == 404


async def test_docs_redirects_without_trailing_slash(gateway: Gateway) -> None:
    response = await gateway.client.get("/docs")
    assert (response.status_code, response.headers["Location"]) == (308, "docs/")


@pytest.mark.parametrize("path", ["/docs/swagger-ui.js", "/openapi.json"])
async def test_static_response_supports_etag_and_gzip(gateway: Gateway, path: str) -> None:
    plain = await gateway.client.get(path, headers={"Accept-Encoding": "identity"})
    compressed = await gateway.client.get(path, headers={"Accept-Encoding": "br, gzip"})
    assert plain.content == compressed.content  # httpx decompresses it
    assert "Content-Encoding" not in plain.headers
    assert int(compressed.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 3
    assert plain.headers["ETag"] != compressed.headers["ETag"]
    for response, accepted in ((plain, "identity"), (compressed, "gzip")):
        headers = {"Accept-Encoding": accepted, "If-None-Match": response.headers["ETag"]}
        cached = await gateway.client.get(path, headers=headers)
        assert (cached.status_code, cached.content) == (304, b"")


def test_read_asset_rejects_another_digest() -> None:
    asset = ASSETS["swagger-ui.js"]
    with pytest.raises(RuntimeError, match="unexpected SHA-256 digest"):
        read_asset(Asset(asset.source, asset.content_type, "0" * 64))
