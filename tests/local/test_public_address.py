"""The default of PYXEC_ANONYMOUS depends on the address of the service."""

from __future__ import annotations

import pytest

from app.config import read_settings


@pytest.mark.parametrize(
    ("environment", "anonymous"),
    [
        ({}, True),
        ({"PYXEC_WEB_ADDRESS": "127.0.0.1"}, True),
        ({"PYXEC_WEB_ADDRESS": "::1", "PYXEC_WEB_BIND": "localhost:8000", "PYXEC_HTTP_BIND": "[::1]:8080"}, True),
        ({"PYXEC_WEB_ADDRESS": "0.0.0.0"}, False),
        ({"PYXEC_WEB_ADDRESS": "192.0.2.7"}, False),
        ({"PYXEC_WEB_BIND": "0.0.0.0:8000"}, False),
        ({"PYXEC_HTTP_BIND": "[::]:8080"}, False),
        ({"PYXEC_HTTP_BIND": ":8080"}, False),
        ({"PYXEC_HTTP_BIND": "host.example.org:8080"}, False),
        ({"PYXEC_WEB_ADDRESS": "0.0.0.0", "PYXEC_ANONYMOUS": "on"}, True),
        ({"PYXEC_WEB_ADDRESS": "127.0.0.1", "PYXEC_ANONYMOUS": "off"}, False),
    ],
)
def test_anonymous_callers_are_refused_on_public_addresses(environment: dict[str, str], anonymous: bool) -> None:
    assert read_settings(environment).anonymous is anonymous
