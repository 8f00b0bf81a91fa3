"""The URL of the API for each form of PYXEC_HTTP_BIND."""

from __future__ import annotations

import pytest

from app.local.address import service_url
from app.local.console import SetupError


@pytest.mark.parametrize(
    ("bind", "url"),
    [
        (None, "http://127.0.0.1:8080"),
        ("", "http://127.0.0.1:8080"),
        ("127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:80", "http://127.0.0.1:80"),
        (":80", "http://127.0.0.1:80"),
        ("10.1.2.3:81", "http://10.1.2.3:81"),
    ],
)
def test_service_url_is_reachable_for_the_bind_address(bind: str | None, url: str) -> None:
    assert service_url({} if bind is None else {"PYXEC_HTTP_BIND": bind}) == url


@pytest.mark.parametrize("bind", ["localhost", "unix:/run/pyxec.sock", "127.0.0.1:0", "127.0.0.1:65536"])
def test_service_url_refuses_a_bind_address_without_a_port(bind: str) -> None:
    with pytest.raises(SetupError, match="PYXEC_HTTP_BIND="):
        service_url({"PYXEC_HTTP_BIND": bind})
