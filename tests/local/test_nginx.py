"""nginx with the generated configuration, in front of an API that does not run."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.config import ConfigurationError
from app.local.nginx import create_configuration
from app.local.packages import find_program
from tests.http.routes import http_routes
from tests.ports import free_port

ROOT = Path(__file__).parents[2]


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    bind = f"127.0.0.1:{free_port()}"
    addresses = {"PYXEC_WEB_BIND": bind, "PYXEC_HTTP_BIND": f"127.0.0.1:{free_port()}", "PYXEC_MAX_BODY_BYTES": "2048"}
    config = tmp_path / "nginx.conf"
    config.write_text(create_configuration(ROOT, tmp_path, addresses))
    command = [str(find_program("nginx")), "-e", "stderr", "-p", str(tmp_path), "-c", str(config), "-g", "daemon off;"]
    with subprocess.Popen(command) as nginx:
        while nginx.poll() is None and not is_listening(f"http://{bind}"):
            time.sleep(0.05)
        yield f"http://{bind}"
        nginx.terminate()


def is_listening(url: str) -> bool:
    try:
        httpx.get(url, trust_env=False)
    except httpx.TransportError:
        return False
    return True


def test_nginx_returns_a_problem_when_the_api_is_down(url: str) -> None:
    answer = httpx.get(f"{url}/v1/languages", trust_env=False)

    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE == answer.json()["status"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == "2"


def test_nginx_refuses_a_body_above_the_limit_of_the_api(url: str) -> None:
    answer = httpx.post(f"{url}/v1/jobs", content=b"x" * 2049, trust_env=False)

    assert answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
    assert answer.json()["type"] == "/problems/body-too-large"


@pytest.mark.parametrize(
    ("origins", "ancestors"),
    [
        ("", "'none'"),
        ("*", "*"),
        (
            "https://school.example https://*.school.example:8443",
            "https://school.example https://*.school.example:8443",
        ),
    ],
)
def test_frame_ancestors_are_those_of_the_setting(tmp_path: Path, origins: str, ancestors: str) -> None:
    text = create_configuration(ROOT, tmp_path, {"PYXEC_FRAME_ANCESTORS": origins})
    assert f'~^/embed/ "{ancestors}";' in text
    assert "default \"'none'\";" in text


@pytest.mark.parametrize(
    "origins",
    [
        "school.example",
        "https://school.example/path",
        'https://a"; }',
        "https://a;script-src *",
        "'self'",
        "https://a  https://b",
    ],
)
def test_frame_ancestors_that_are_no_origins_are_refused(tmp_path: Path, origins: str) -> None:
    with pytest.raises(ConfigurationError, match="PYXEC_FRAME_ANCESTORS"):
        create_configuration(ROOT, tmp_path, {"PYXEC_FRAME_ANCESTORS": origins})


def test_nginx_serves_no_file_outside_the_page(url: str) -> None:
    for path in ("/.digest", "/../package.json", "/%2e%2e/package.json", "/nginx.conf"):
        assert httpx.get(f"{url}{path}", trust_env=False).status_code in (400, 404)


def test_nginx_forwards_every_public_route_of_the_api(url: str) -> None:
    # The API is down, so a forwarded request returns 503. Metrics are for the network of the service only.
    paths = {re.sub(r"\{[^}]*\}", "x", path) for _, path in http_routes()} - {"/metrics"}
    with httpx.Client(base_url=url, trust_env=False) as client:
        not_forwarded = [path for path in sorted(paths) if client.get(path).status_code != 503]
    assert not_forwarded == []


def test_nginx_forwards_hidden_files_of_workspaces_and_artifacts(url: str) -> None:
    for path in ("/v1/workspaces/x/files/.env", "/v1/jobs/x/artifacts/.git/config"):
        assert httpx.get(f"{url}{path}", trust_env=False).status_code == httpx.codes.SERVICE_UNAVAILABLE
