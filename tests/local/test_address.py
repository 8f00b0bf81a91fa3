"""Where the service is found, whatever it was told to bind."""

from __future__ import annotations

import pytest

from app.local.address import service_url
from app.local.errors import SetupError


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
def test_the_url_follows_the_address_it_binds(bind: str | None, url: str) -> None:
    assert service_url({} if bind is None else {"PYXEC_HTTP_BIND": bind}) == url


@pytest.mark.parametrize("bind", ["localhost", "unix:/run/pyxec.sock", "127.0.0.1:0", "127.0.0.1:65536"])
def test_what_is_no_address_and_port_is_refused(bind: str) -> None:
    with pytest.raises(SetupError, match="PYXEC_HTTP_BIND="):
        service_url({"PYXEC_HTTP_BIND": bind})
