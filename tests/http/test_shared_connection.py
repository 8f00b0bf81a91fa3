"""nginx in front of the API, as `make up` runs both: its clients share one connection to the API."""

from __future__ import annotations

import itertools
import os
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.local.launch_plan import read_procfile
from app.local.nginx import create_configuration
from app.local.packages import find_program
from tests.http.gateway import JOB
from tests.http.raw_requests import MORE_EXAMPLES, connections, mutated
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
HIDDEN = b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: attacker-hidden\r\n\r\n"
SHORT_HIDDEN = b"GET /livez HTTP/1.1\r\nX: "
#: So large that it does not arrive together with the head. Empty lines before a request were ignored, and the next
#: request on the connection becomes the value of the last header.
LARGE_HIDDEN = b"\r\n" * 400_000 + b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-Id: attacker\r\nX: "
#: Routes that read their bodies in different ways, with a method.
ROUTES = [
    ("POST", "/v1/jobs"), ("POST", "/v1/jobs/batch"), ("POST", "/v1/workspaces"), ("PUT", "/v1/workspaces/a/files/.b"),
    ("PUT", "/v1/files"), ("POST", "/mcp"), ("POST", "/sandboxfusion/run_code"), ("POST", "/sandboxfusion/run_jupyter"),
    ("POST", "/librechat/v1/exec"), ("POST", "/librechat/v1/upload"), ("POST", "/dify/v1/sandbox/run"),
    ("POST", "/jobe/index.php/restapi/runs"), ("PUT", "/jobe/index.php/restapi/files/a"),
    ("POST", "/judge0/submissions"), ("POST", "/api/v2/execute"), ("POST", "/api/run"),
]  # fmt: skip
_QUIET_SECONDS = 0.02
_victims = itertools.count()


@dataclass
class Site:
    """Addresses of nginx and of the API."""

    port: int
    api_port: int


@pytest.fixture(scope="module")
def site(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    site = Site(free_port(), free_port())
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "REDIS_URL": redis_url,
        "PYXEC_NAMESPACE": "shared-connection",
        "PYXEC_HTTP_BIND": f"127.0.0.1:{site.api_port}",
        "PYXEC_HTTP_SOCKET": os.path.relpath(folder / "api", ROOT),  # relative, as in the launch plan
        "PYXEC_WEB_BIND": f"127.0.0.1:{site.port}",
        "PYXEC_TRUSTED_PROXIES": "unix",
        "PYXEC_RATE_BURST": "100000",
        "PYXEC_RATE_PER_MINUTE": "1",
        "GUNICORN_CMD_ARGS": "--keep-alive 60",
    }
    configuration = create_configuration(ROOT, folder, environment)
    # One process and one connection, so that every request of the tests uses the same connection.
    shared = configuration.replace("worker_processes auto", "worker_processes 1")
    shared = shared.replace("keepalive 32; keepalive_timeout 30s", "keepalive 1; keepalive_timeout 60s")
    assert shared.count("worker_processes 1;") == shared.count("keepalive 1;") == 1
    (folder / "nginx.conf").write_text(shared)
    nginx = [str(find_program("nginx")), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with (
        (folder / "log").open("wb") as log,
        # The command of the Procfile, run by a shell as the supervisor does
        subprocess.Popen(
            f"exec {read_procfile(ROOT / 'Procfile')['api']}",
            shell=True,
            cwd=ROOT,
            env=environment,
            stderr=log,
            stdout=log,
        ) as api,
        subprocess.Popen([*nginx, "-g", "daemon off;"], cwd=ROOT, stderr=log) as web,
    ):
        folder.chmod(0o755)  # the workers of nginx have another user
        wait_until_ready(site.port)
        yield site
        web.terminate()
        api.terminate()
    shutil.rmtree(folder)


def wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    pytest.fail("the site does not respond")


@pytest.fixture(scope="module")
def victim(site: Site) -> Iterator[HTTPConnection]:
    connection = HTTPConnection("127.0.0.1", site.port, timeout=20)
    yield connection
    connection.close()


def receive(client: socket.socket, first_seconds: float = _QUIET_SECONDS) -> bytes:
    """Everything that arrives until nothing arrives for a short time, or until the first byte takes too long."""
    received = b""
    while select.select([client], [], [], _QUIET_SECONDS if received else first_seconds)[0]:
        try:
            data = client.recv(65536)
        except ConnectionResetError:
            break
        if not data:
            break
        received += data
    return received


def check_victim(victim: HTTPConnection) -> None:
    """Send a request and check that its own response arrives, and nothing else."""
    request_id = f"victim-{next(_victims)}"
    victim.request("GET", "/livez", headers={"X-Request-Id": request_id})
    response = victim.getresponse()
    response.read()
    assert (response.status, response.getheader("X-Request-Id")) == (200, request_id)
    if victim.sock is not None:
        assert not select.select([victim.sock], [], [], 0)[0], "another response arrived"


def attack(site: Site, victim: HTTPConnection, pieces: list[bytes], first_seconds: float = _QUIET_SECONDS) -> None:
    """Send pieces on a new connection, with a request of the victim after each, and check what both receive."""
    with socket.create_connection(("127.0.0.1", site.port)) as attacker:
        received = b""
        for piece in pieces:
            try:
                attacker.sendall(piece)
            except OSError:  # nginx has closed the connection
                break
            received += receive(attacker, first_seconds)
            check_victim(victim)
        received += receive(attacker)
    check_victim(victim)
    assert b"victim-" not in received


def smuggle(headers: bytes, body: bytes) -> bytes:
    return b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + headers + b"\r\n" + body


@pytest.mark.parametrize(
    "request_bytes",
    [
        smuggle(b"Upgrade: x\r\nContent-Length: %d\r\n" % len(HIDDEN), HIDDEN),
        smuggle(b"Upgrade: h2c\r\nConnection: upgrade\r\nContent-Length: %d\r\n" % len(HIDDEN), HIDDEN),
        smuggle(b"Upgrade: websocket\r\nConnection: upgrade\r\nContent-Length: %d\r\n" % len(HIDDEN), HIDDEN),
        smuggle(b"Upgrade: x\r\nContent-Length: %d\r\n" % len(SHORT_HIDDEN), SHORT_HIDDEN),
        smuggle(b"Upgrade: x\r\nContent-Length: %d\r\n" % len(LARGE_HIDDEN), LARGE_HIDDEN),
        smuggle(b"Upgrade: h2c\r\nContent-Length: %d\r\n" % len(LARGE_HIDDEN), LARGE_HIDDEN),
        smuggle(b"Transfer-Encoding: chunked\r\n", b"%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)),
        smuggle(b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + HIDDEN),
        smuggle(b"Expect: 100-continue\r\nContent-Length: %d\r\n" % len(HIDDEN), HIDDEN),
    ],
)
def test_body_of_one_client_is_not_a_request_of_another(
    site: Site, victim: HTTPConnection, request_bytes: bytes
) -> None:
    attack(site, victim, [request_bytes], first_seconds=1)


@pytest.mark.parametrize("headers", [b"", b"Content-Encoding: gzip\r\n", b"Authorization: Bearer x\r\n"])
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_body_that_a_route_does_not_read_is_not_a_request_of_another_client(
    site: Site, victim: HTTPConnection, method: str, path: str, headers: bytes
) -> None:
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n".encode()
    body = b"\r\n" * 40_000 + HIDDEN
    attack(site, victim, [head + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body], first_seconds=1)


def _replace_path(parts: tuple[bytes, tuple[str, str]]) -> bytes:
    data, (_, path) = parts
    return data.replace(b" / HTTP", f" {path} HTTP".encode()).replace(b" /v1/jobs?", f" {path}?".encode())


_requests_of_routes = st.tuples(connections, st.sampled_from([("GET", "/livez"), *ROUTES])).map(_replace_path)


@settings(max_examples=100 * MORE_EXAMPLES, deadline=None)
@given(pieces=st.lists(_requests_of_routes, min_size=1, max_size=2))
def test_clients_never_receive_responses_of_each_other(site: Site, victim: HTTPConnection, pieces: list[bytes]) -> None:
    attack(site, victim, pieces)


_upgrades = st.sampled_from([b"x", b"h2c", b"websocket", b"websocket, h2c", b"WebSocket", b"", b"TLS/1.0"])


@settings(max_examples=60 * MORE_EXAMPLES, deadline=None)
@given(
    upgrade=_upgrades, connection=st.sampled_from([b"", b"upgrade", b"close", b"keep-alive, Upgrade"]), data=st.data()
)
def test_upgrade_headers_do_not_mix_up_responses(
    site: Site, victim: HTTPConnection, upgrade: bytes, connection: bytes, data: st.DataObject
) -> None:
    method = data.draw(st.sampled_from([b"GET", b"POST", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"]))
    routes = ["/livez", "/v1/jobs/a/stream", "/api/ws", "/x", *(path for _, path in ROUTES)]
    target = data.draw(st.sampled_from(routes).map(str.encode))
    body = data.draw(mutated(st.sampled_from([HIDDEN, SHORT_HIDDEN, b"{}", b"\x81\x80aaaa"])))
    head = b"%b %b HTTP/1.1\r\nHost: x\r\nUpgrade: %b\r\nConnection: %b\r\n" % (method, target, upgrade, connection)
    if data.draw(st.booleans()):
        head += b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    attack(site, victim, [head + b"Content-Length: %d\r\n\r\n" % len(body) + body])


def test_websocket_is_forwarded(site: Site) -> None:
    request = (
        b"GET /v1/jobs/a/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as client:
        client.sendall(request)
        assert client.recv(65536).startswith(b"HTTP/1.1 101 ")


def test_address_in_x_forwarded_for_is_not_trusted_on_the_port_of_the_api(site: Site) -> None:
    """Every local program can connect to the port. Only nginx can connect to the socket."""
    remaining = []
    for port in (site.api_port, site.port, site.api_port, site.port):
        for number in range(3):
            headers = {"X-Forwarded-For": f"192.0.2.{number}"}
            response = httpx.post(f"http://127.0.0.1:{port}/v1/jobs", json=JOB, headers=headers, trust_env=False)
            remaining.append(int(response.headers["RateLimit"].split("r=")[1].split(";")[0]))
    # All of them take a token from the bucket of 127.0.0.1
    assert remaining == list(range(remaining[0], remaining[0] - len(remaining), -1))
