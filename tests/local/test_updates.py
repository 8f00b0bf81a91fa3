"""Differences between the running processes and the checkout, and the processes that they restart."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest

from app.local.launch_plan import LaunchPlan
from app.local.updates import Difference, LaunchRecord, RestartRequest, find_differences

PROCESSES = ("server", "api", "worker", "webhooks", "maintenance", "scheduler", "web")
PYTHON = {"api", "worker", "webhooks", "maintenance", "scheduler"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with one file in each part of the code."""
    for name in (
        "app/worker.py", "app/local/valkey.py", "app/local/supervisor.py", "app/local/nginx.py", "pyxec/client.py",
        "languages/python.toml", "images/Dockerfile", "deploy/nginx/nginx.conf.template", "web/src/main.ts",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    return tmp_path


def create_record(root: Path, processes: tuple[str, ...] = PROCESSES, **environment: str) -> LaunchRecord:
    return LaunchRecord.create(root, LaunchPlan(dict.fromkeys(processes, "sleep 1"), environment, {}))


def affected(differences: list[Difference]) -> set[str]:
    assert all(difference.processes is not None for difference in differences)
    return {name for difference in differences for name in difference.processes or ()}


def test_nothing_differs_when_nothing_was_changed(root: Path) -> None:
    assert (
        find_differences(create_record(root, PYXEC_ISOLATION="cell"), create_record(root, PYXEC_ISOLATION="cell")) == []
    )


@pytest.mark.parametrize(
    ("setting", "processes"),
    [
        ("PYXEC_WORKER_THREADS", {"worker"}),
        ("PYXEC_HTTP_WORKERS", {"api", "web"}),
        ("PYXEC_LEASE_SECONDS", PYTHON),
        ("PYXEC_MAX_BODY_BYTES", {*PYTHON, "web"}),
        ("VALKEY_MAXMEMORY", {"server"}),
    ],
)
def test_changed_setting_restarts_its_processes(root: Path, setting: str, processes: set[str]) -> None:
    differences = find_differences(create_record(root, **{setting: "1"}), create_record(root, **{setting: "2"}))

    assert [difference.text for difference in differences] == [f"{setting}: 1 -> 2"]
    assert affected(differences) == processes


@pytest.mark.parametrize("setting", ["PYXEC_HTTP_BIND", "PYXEC_WEB_BIND", "VALKEY_PORT", "REDIS_URL"])
def test_changed_address_restarts_everything(root: Path, setting: str) -> None:
    (difference,) = find_differences(create_record(root), create_record(root, **{setting: "x"}))

    assert difference.processes is None


@pytest.mark.parametrize(
    ("file", "processes"),
    [
        ("app/worker.py", PYTHON),
        ("pyxec/client.py", PYTHON),
        ("languages/python.toml", PYTHON),
        ("deploy/nginx/nginx.conf.template", {"web"}),
        ("web/src/main.ts", set()),
        ("images/Dockerfile", set()),
    ],
)
def test_changed_code_restarts_its_processes(root: Path, file: str, processes: set[str]) -> None:
    before = create_record(root)
    (root / file).write_text("2")

    differences = find_differences(before, create_record(root))

    assert [difference.text.startswith("code: ") for difference in differences] == [True]
    assert affected(differences) == processes


def test_added_file_is_a_difference(root: Path) -> None:
    before = create_record(root)
    (root / "app/actors").mkdir()
    (root / "app/actors/new.lua").write_text("return 1")

    assert affected(find_differences(before, create_record(root))) == PYTHON


def test_compiled_files_are_no_difference(root: Path) -> None:
    before = create_record(root)
    (root / "app/__pycache__").mkdir()
    (root / "app/__pycache__/worker.pyc").write_text("2")

    assert find_differences(before, create_record(root)) == []


def test_changed_supervisor_restarts_everything(root: Path) -> None:
    before = create_record(root)
    (root / "app/local/supervisor.py").write_text("2")

    assert None in [difference.processes for difference in find_differences(before, create_record(root))]


def test_added_process_restarts_everything(root: Path) -> None:
    (difference,) = find_differences(create_record(root, PROCESSES[:-1]), create_record(root))

    assert difference.processes is None


def test_processes_without_a_record_are_restarted(root: Path) -> None:
    (difference,) = find_differences(None, create_record(root))

    assert difference.processes is None


def test_texts_contain_no_secrets(root: Path) -> None:
    secrets = {"REDIS_URL": "redis://:hunter2@host", "PYXEC_SOME_KEY": "hunter2", "PYXEC_ADMIN_KEY_FILE": "/path/key"}
    texts = [difference.text for difference in find_differences(create_record(root), create_record(root, **secrets))]

    assert "hunter2" not in str(texts)
    assert "PYXEC_ADMIN_KEY_FILE: (not set) -> /path/key" in texts


def test_variables_of_clients_are_no_settings(root: Path) -> None:
    clients = {"PYXEC_API_KEY": "x", "PYXEC_URL": "http://x", "PYXEC_TEST_EXAMPLES": "2", "PATH": "/", "LANG": "C"}

    assert find_differences(create_record(root), create_record(root, **clients)) == []


def test_records_and_requests_are_private_and_requests_are_taken_once(root: Path) -> None:
    record, path = create_record(root, PYXEC_ISOLATION="cell"), root / "launch.json"
    record.write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert LaunchRecord.read(path) == record

    request = RestartRequest(record, {"A": "b"}, ["worker"])
    request.write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (RestartRequest.take(path), RestartRequest.take(path)) == (request, None)


def test_invalid_record_counts_as_missing(root: Path) -> None:
    path = root / "launch.json"
    path.write_bytes(msgspec.json.encode({"commands": 1}))

    assert LaunchRecord.read(path) is None
