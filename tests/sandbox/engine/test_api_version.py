"""Negotiation of the API version, with a real engine behind a proxy that refuses other versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from app.cli.checks.engine import check_engine
from app.cli.checks.finding import Status
from app.core.errors import EngineUnavailable
from app.local.console import SetupError
from app.local.engine import connect, engine_host
from app.sandbox.engine.api_version import is_version_refusal, negotiate_version
from app.sandbox.engine.client import Engine
from app.sandbox.template import LABEL
from tests.sandbox import sandbox_fixture
from tests.sandbox.engine.version_proxy import VersionProxy, version_proxy
from tests.sandbox.sandbox_fixture import job, open_sandbox_fixture

OpenProxy = Callable[[tuple[int, int], tuple[int, int]], VersionProxy]


@pytest.fixture
def open_proxy(tmp_path: Path) -> Iterator[OpenProxy]:
    with ExitStack() as stack:

        def start(oldest: tuple[int, int], newest: tuple[int, int]) -> VersionProxy:
            socket = engine_host().removeprefix("unix://")
            return stack.enter_context(version_proxy(tmp_path, socket, oldest, newest))

        yield start


@pytest.mark.parametrize(
    ("oldest", "newest", "expected"),
    [
        ("1.12", "1.41", "1.41"),
        ("1.24", "1.45", "1.45"),
        ("1.44", "1.51", "1.51"),
        ("1.44", "1.52", "1.51"),
        ("1.51", "1.60", "1.51"),
        (None, "1.43", "1.43"),
    ],
)
def test_negotiate_version_returns_the_newest_common_version(oldest: str | None, newest: str, expected: str) -> None:
    assert negotiate_version({"Version": "x", "ApiVersion": newest, "MinAPIVersion": oldest}) == expected


@pytest.mark.parametrize(
    ("oldest", "newest", "action"), [("1.12", "1.40", "upgrade the engine"), ("1.52", "1.60", "upgrade Pyxec")]
)
def test_negotiate_version_names_what_to_upgrade(oldest: str, newest: str, action: str) -> None:
    with pytest.raises(EngineUnavailable, match=f"{oldest} to {newest}, Pyxec 1.41 to 1.51: {action}"):
        negotiate_version({"Version": "x", "ApiVersion": newest, "MinAPIVersion": oldest})


@pytest.mark.parametrize("about", [{}, {"ApiVersion": "latest"}, {"ApiVersion": "1"}, {"ApiVersion": None}])
def test_negotiate_version_refuses_a_response_without_version(about: dict[str, object]) -> None:
    with pytest.raises(EngineUnavailable, match="reports no API version"):
        negotiate_version(about)


def test_is_version_refusal_ignores_other_errors() -> None:
    assert is_version_refusal(400, "client version 1.41 is too old. Minimum supported API version is 1.44")
    assert is_version_refusal(400, "client version 1.52 is too new. Maximum supported API version is 1.51")
    assert not is_version_refusal(400, "invalid reference format")
    assert not is_version_refusal(500, "client version 1.41 is too old")


@pytest.mark.docker
def test_job_runs_on_an_engine_that_refuses_old_versions(
    open_proxy: OpenProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = open_proxy((1, 44), (1, 52))
    monkeypatch.setattr(sandbox_fixture, "ENGINE_URL", proxy.url)

    with open_sandbox_fixture(pool_floor=0, pool_ceiling=0) as sandbox:
        ran = sandbox.run(job("python", "print(6 * 7)"))

    assert (ran.outcome, ran.text) == ("ok", "42\n")
    versions = {version for version in proxy.versions if version is not None}
    assert (1, 51) in versions
    assert (1, 41) not in versions


@pytest.mark.docker
def test_engine_negotiates_again_when_the_engine_was_replaced(open_proxy: OpenProxy) -> None:
    proxy = open_proxy((1, 41), (1, 43))
    with closing(Engine(proxy.url, 10)) as engine:
        engine.list_containers(LABEL)
        before = set(proxy.versions)
        # Without a lost connection: the refusal alone has to lead to a new negotiation.
        proxy.oldest, proxy.newest = (1, 44), (1, 47)
        engine.list_containers(LABEL)

    assert before == {None, (1, 43)}
    assert proxy.versions[-1] == (1, 47)


@pytest.mark.docker
def test_engine_without_a_common_version_is_reported_by_every_command(open_proxy: OpenProxy) -> None:
    proxy = open_proxy((1, 52), (1, 60))

    with closing(Engine(proxy.url, 10)) as engine, pytest.raises(EngineUnavailable, match="upgrade Pyxec"):
        engine.list_containers(LABEL)
    with pytest.raises(SetupError, match="upgrade Pyxec"):
        connect(proxy.url)
    (finding,) = check_engine(proxy.url, 10, "")
    assert finding.status is Status.FAILED
    assert "upgrade Pyxec" in finding.detail


@pytest.mark.docker
def test_doctor_shows_the_range_of_the_engine(open_proxy: OpenProxy) -> None:
    proxy = open_proxy((1, 44), (1, 52))

    findings = {finding.check: finding for finding in check_engine(proxy.url, 10, "")}

    assert findings["Docker Engine"].status is Status.OK
    assert "API 1.44 to 1.52, used: 1.51" in findings["Docker Engine"].detail
