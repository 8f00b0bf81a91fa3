"""What is started: the Procfile, with the embedded server or one of the operator's."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from app.local.errors import SetupError
from app.local.launch import launch_plan, read_procfile

ROOT = Path(__file__).parents[2]


def test_a_procfile_is_read_in_its_order(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("# comment\nserver: one\napi: two ${X:-3}\n")

    assert list(read_procfile(tmp_path / "Procfile").items()) == [("server", "one"), ("api", "two ${X:-3}")]


@pytest.mark.parametrize("content", ["", "# nothing\n", "api: one\napi: two\n"])
def test_a_procfile_without_sense_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "Procfile").write_text(content)

    with pytest.raises(SetupError, match="Procfile"):
        read_procfile(tmp_path / "Procfile")


def test_ours_names_everything_that_has_to_run() -> None:
    names = ["server", "api", "worker", "webhooks", "maintenance", "scheduler", "web"]
    assert list(read_procfile(ROOT / "Procfile")) == names


def test_by_default_all_of_it_uses_the_embedded_server() -> None:
    plan = launch_plan(ROOT, {"VALKEY_PORT": "6500", "PATH": "/bin"})

    assert "server" in plan.commands
    assert plan.environment["REDIS_URL"] == "redis://127.0.0.1:6500/0"
    assert plan.environment["PATH"].endswith(":/bin")


def test_with_a_server_of_ones_own_none_is_embedded() -> None:
    plan = launch_plan(ROOT, {"REDIS_URL": "redis://redis.example:6379/1"})

    assert "server" not in plan.commands
    assert plan.environment["REDIS_URL"] == "redis://redis.example:6379/1"
    assert "VALKEY_PORT" not in plan.listens


def test_without_a_page_there_is_no_web_server_and_no_proxy_is_believed(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("api: one\nweb: two\n")

    plan = launch_plan(tmp_path, {})

    assert list(plan.commands) == ["api"]
    assert "PYXEC_TRUSTED_PROXIES" not in plan.environment


def test_with_a_page_its_web_server_is_believed_unless_told_otherwise(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("api: one\nweb: two\n")
    (tmp_path / "web" / "dist").mkdir(parents=True)
    (tmp_path / "web" / "dist" / "index.html").touch()

    plan = launch_plan(tmp_path, {})
    told = launch_plan(tmp_path, {"PYXEC_TRUSTED_PROXIES": "10.0.0.0/8"})

    assert plan.environment["PYXEC_TRUSTED_PROXIES"] == "127.0.0.1"
    assert plan.listens["PYXEC_WEB_BIND"] == "http://127.0.0.1:8000"
    assert told.environment["PYXEC_TRUSTED_PROXIES"] == "10.0.0.0/8"


@pytest.mark.parametrize("variable", ["PYXEC_HTTP_BIND", "VALKEY_PORT"])
def test_an_address_that_is_taken_is_told_with_its_variable(variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as other:
        port, free = taken.getsockname()[1], other.getsockname()[1]
        other.close()
        bind, valkey = (port, free) if variable == "PYXEC_HTTP_BIND" else (free, port)
        plan = launch_plan(ROOT, {"PYXEC_HTTP_BIND": f"127.0.0.1:{bind}", "VALKEY_PORT": str(valkey)})

        with pytest.raises(SetupError, match=f"127.0.0.1:{port}.* set {variable} to another place"):
            plan.check_addresses()


def test_addresses_that_are_free_are_fine_and_stay_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        free = other.getsockname()[1]
    plan = launch_plan(ROOT, {"PYXEC_HTTP_BIND": f"127.0.0.1:{free}", "REDIS_URL": "redis://elsewhere"})

    plan.check_addresses()
    plan.check_addresses()
