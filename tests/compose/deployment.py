"""The deployed services: the page, examples, users, capabilities, networks and limits of the containers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from tests.compose.project import Project
from tests.e2e.conftest import BROWSER_OPTIONS
from tests.e2e.editor_page import EditorPage
from tests.examples.test_examples import EXPECTED, ROOT, find_program
from tests.stack import eventually

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]

PROCESSES = {"redis", "api", "worker", "maintenance", "webhooks", "scheduler", "web"}
SOCKET = "/var/run/docker.sock"


def test_page_runs_a_program(project: Project) -> None:
    executable = shutil.which("chromium")
    assert executable is not None, "chromium is missing: `make test-compose` installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=BROWSER_OPTIONS)
        errors: list[str] = []
        page = browser.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        editor = EditorPage(page, project.url).open()

        editor.run("print('from a container', 6 * 7)")

        editor.expect_output("from a container 42")
        editor.expect_status("Finished normally")
        browser.close()
    assert errors == []


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda path: path.stem)
def test_example_prints_its_expected_output(project: Project, expected: Path) -> None:
    program, stdin = find_program(expected), expected.with_suffix(".stdin")

    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "run", str(program)],
        cwd=ROOT,
        env={**os.environ, "PYXEC_URL": project.url},
        input=stdin.read_bytes() if stdin.exists() else b"",
        capture_output=True,
        timeout=60,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, expected.read_bytes(), b"")


def test_processes_are_running_and_healthy(project: Project) -> None:
    def all_healthy() -> bool:
        states = [container["State"] for name in PROCESSES for container in project.containers(name)]
        return len(states) == len(PROCESSES) and all(
            state["Running"] and state.get("Health", {}).get("Status", "healthy") == "healthy" for state in states
        )

    eventually(all_healthy, 60, 0.5)


def test_only_the_web_server_is_published(project: Project) -> None:
    published = {name for name in PROCESSES if _published(project.container(name))}

    assert published == {"web"}


def test_only_workers_have_the_socket_and_run_as_an_ordinary_user(project: Project) -> None:
    with_socket = {name for name in PROCESSES if SOCKET in _mounts(project.container(name))}
    assert with_socket == {"worker"}

    group = Path(SOCKET).stat().st_gid
    for process in _processes(project, "worker"):
        assert process["Uid"] == ["10000"] * 4
        assert process["Groups"] == [str(group)]
        assert process["CapEff"] == process["CapBnd"] == ["0000000000000000"]
        assert process["NoNewPrivs"] == ["1"]


def test_other_processes_do_not_run_as_root(project: Project) -> None:
    for name in PROCESSES - {"worker"}:
        for process in _processes(project, name):
            assert process["Uid"] == ["10000"] * 4, name
            assert process["CapEff"] == ["0000000000000000"], name


def test_redis_requires_its_password_and_does_not_evict(project: Project) -> None:
    refused = project.compose("exec", "-T", "redis", "redis-cli", "ping")
    assert "NOAUTH" in refused

    assert project.redis("config", "get", "maxmemory-policy")[1] == "noeviction"
    assert project.redis("config", "get", "appendonly")[1] == "yes"
    [password] = project.compose("exec", "-T", "redis", "cat", "/run/pyxec/redis-password").split()
    assert len(password) == 64
    configurations = [project.container(name)["Config"] for name in PROCESSES]
    assert password not in str(configurations)


def test_data_of_redis_is_readable_by_its_user_only(project: Project) -> None:
    assert project.compose("exec", "-T", "redis", "find", "/data", "-type", "f").split()
    assert project.compose("exec", "-T", "redis", "find", "/data", "-perm", "/077").split() == []


def test_client_address_is_that_of_the_connection_when_a_header_claims_another(project: Project) -> None:
    # Given a job that was submitted with a false address
    body = {"language": "python", "source": "import time; time.sleep(10)"}
    claimed = {"X-Forwarded-For": "198.51.100.7, 10.1.2.3"}
    job_id = project.http.post("/v1/jobs", json=body, headers=claimed).json()["id"]
    # When the address of its slot is read
    slots = project.redis("keys", "*:slots:address:*")
    # Then it is not an address of the header
    assert slots
    assert not [key for key in slots if "198.51.100.7" in key or "10.1.2.3" in key]
    project.http.post(f"/v1/jobs/{job_id}/cancel").raise_for_status()


def test_admin_key_is_created_in_the_api_container(project: Project) -> None:
    key = project.compose("exec", "-T", "api", "pyxec", "keys", "create", "--admin").strip()

    response = project.http.get("/v1/admin/workers", headers={"Authorization": f"Bearer {key}"})

    assert response.status_code == 200
    assert response.json()["workers"]
    assert "jobs" in project.compose("exec", "-T", "-e", f"PYXEC_API_KEY={key}", "api", "pyxec", "queues")


def test_admin_page_has_the_security_policy_of_the_editor(project: Project) -> None:
    moved, page, editor = (project.http.get(path) for path in ("/admin", "/admin/", "/"))
    assert (moved.status_code, moved.headers["location"]) == (301, "/admin/")
    assert page.status_code == 200
    assert "administration" in page.text
    assert page.headers["content-security-policy"] == editor.headers["content-security-policy"]


def test_containers_have_their_limits(project: Project) -> None:
    for name in PROCESSES:
        settings = project.container(name)["HostConfig"]
        assert settings["Memory"] > 0, name
        assert settings["RestartPolicy"]["Name"] == "unless-stopped", name
        assert settings["CapDrop"] == ["ALL"], name


def test_only_nginx_has_a_writable_root_for_request_bodies(project: Project) -> None:
    writable = {name for name in PROCESSES if not project.container(name)["HostConfig"]["ReadonlyRootfs"]}

    assert writable == {"web"}


def test_only_web_and_webhooks_can_reach_other_hosts(project: Project) -> None:
    external = {
        name for name in PROCESSES if not all(_is_internal(project, network) for network in _networks(project, name))
    }

    assert external == {"web", "webhooks"}


def _networks(project: Project, service: str) -> list[str]:
    return [network["NetworkID"] for network in project.container(service)["NetworkSettings"]["Networks"].values()]


def _is_internal(project: Project, network_id: str) -> bool:
    return bool(project.engine.inspect_network(network_id)["Internal"])


def _published(container: dict[str, Any]) -> bool:
    return any(container["NetworkSettings"]["Ports"].values())


def _mounts(container: dict[str, Any]) -> set[str]:
    return {mount["Destination"] for mount in container["Mounts"]}


def _processes(project: Project, service: str) -> list[dict[str, list[str]]]:
    """Return the fields of /proc/PID/status of each process of a container, except for a check that runc starts."""
    pids = [int(row[1]) for row in project.engine.top(project.container(service)["Id"])["Processes"]]
    found = []
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except FileNotFoundError:
            continue  # a health check that has ended
        status = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
        if not status["Name"][0].startswith("runc:"):
            found.append(status)
    assert found
    return found
