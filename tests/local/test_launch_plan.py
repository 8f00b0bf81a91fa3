"""The processes that run on this machine: the Procfile, with the embedded server or another one."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from app.local.console import SetupError
from app.local.launch_plan import check_addresses, create_launch_plan, read_procfile

ROOT = Path(__file__).parents[2]


def test_procfile_is_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("# comment\nserver: first\napi: second ${X:-3}\n")

    assert list(read_procfile(tmp_path / "Procfile").items()) == [("server", "first"), ("api", "second ${X:-3}")]


@pytest.mark.parametrize("content", ["", "# nothing\n", "api: first\napi: second\n"])
def test_procfile_is_refused_when_it_is_invalid(tmp_path: Path, content: str) -> None:
    (tmp_path / "Procfile").write_text(content)

    with pytest.raises(SetupError, match="Procfile"):
        read_procfile(tmp_path / "Procfile")


def test_procfile_of_the_repository_names_every_process() -> None:
    names = ["server", "api", "worker", "webhooks", "maintenance", "scheduler", "web"]
    assert list(read_procfile(ROOT / "Procfile")) == names


def test_plan_uses_the_embedded_server_by_default() -> None:
    plan = create_launch_plan(ROOT, {"VALKEY_PORT": "6500", "PATH": "/bin"})

    assert "server" in plan.commands
    assert plan.environment["REDIS_URL"] == "redis://127.0.0.1:6500/0"
    assert plan.environment["PATH"].endswith(":/bin")


def test_plan_omits_the_embedded_server_when_redis_url_is_set() -> None:
    plan = create_launch_plan(ROOT, {"REDIS_URL": "redis://redis.example:6379/1"})

    assert "server" not in plan.commands
    assert plan.environment["REDIS_URL"] == "redis://redis.example:6379/1"
    assert "VALKEY_PORT" not in plan.listens


def test_plan_omits_the_web_server_when_the_page_is_not_built(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("api: first\nweb: second\n")

    plan = create_launch_plan(tmp_path, {})

    assert list(plan.commands) == ["api"]
    assert "PYXEC_TRUSTED_PROXIES" not in plan.environment


def test_plan_trusts_only_the_socket_of_the_web_server_and_configured_proxies(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("api: first\nweb: second\n")
    (tmp_path / "web" / "dist").mkdir(parents=True)
    (tmp_path / "web" / "dist" / "index.html").touch()

    plan = create_launch_plan(tmp_path, {})
    configured = create_launch_plan(tmp_path, {"PYXEC_TRUSTED_PROXIES": "10.0.0.0/8"})

    assert plan.environment["PYXEC_TRUSTED_PROXIES"] == "unix"
    socket_folder = (tmp_path / plan.environment["PYXEC_HTTP_SOCKET"]).parent
    assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700
    assert plan.listens["PYXEC_WEB_BIND"] == "http://127.0.0.1:8000"
    assert configured.environment["PYXEC_TRUSTED_PROXIES"] == "10.0.0.0/8,unix"


@pytest.mark.parametrize("variable", ["PYXEC_HTTP_BIND", "VALKEY_PORT"])
def test_check_addresses_names_the_variable_of_an_address_in_use(variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as other:
        port, free = taken.getsockname()[1], other.getsockname()[1]
        other.close()
        bind, valkey = (port, free) if variable == "PYXEC_HTTP_BIND" else (free, port)
        plan = create_launch_plan(ROOT, {"PYXEC_HTTP_BIND": f"127.0.0.1:{bind}", "VALKEY_PORT": str(valkey)})

        with pytest.raises(SetupError, match=f"127.0.0.1:{port}.* set {variable} to another address"):
            check_addresses(plan.listens)


def test_check_addresses_accepts_free_addresses_repeatedly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        free = other.getsockname()[1]
    plan = create_launch_plan(ROOT, {"PYXEC_HTTP_BIND": f"127.0.0.1:{free}", "REDIS_URL": "redis://elsewhere"})

    check_addresses(plan.listens)
    check_addresses(plan.listens)
