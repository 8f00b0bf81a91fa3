"""What differs between the running processes and the checkout, and which of them need a restart."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from app.local.launch_plan import SERVER, WEB, LaunchPlan

__all__ = ["LAUNCH_RECORD", "RESTART_REQUEST", "Difference", "LaunchRecord", "RestartRequest", "find_differences"]

#: Name of the record of the running processes, and of the request to the supervisor, in the state folder.
LAUNCH_RECORD: Final = "launch"
RESTART_REQUEST: Final = "restart"

_PYTHON: Final = ("worker", "webhooks", "maintenance", "scheduler", "api")
_PREFIXES: Final = ("PYXEC_", "VALKEY_", "OTEL_")
_OTHER_SETTINGS: Final = frozenset({"REDIS_URL", "DOCKER_HOST"})
# They are read by clients and tests only.
_NO_SETTINGS: Final = ("PYXEC_API_KEY", "PYXEC_URL", "PYXEC_TEST_")
# Other processes and the record of the supervisor contain these addresses.
_ADDRESSES: Final = frozenset({"PYXEC_HTTP_BIND", "PYXEC_WEB_BIND", "VALKEY_PORT", "REDIS_URL"})
_WEB_SETTINGS: Final = frozenset({"PYXEC_MAX_BODY_BYTES", "PYXEC_MAX_WAIT_SECONDS", "PYXEC_TRUSTED_PROXIES"})
_SECRET_WORDS: Final = frozenset({"KEY", "SECRET", "PASSWORD", "URL", "ENDPOINT", "HEADERS"})
# Parts of the code: the files, and the processes that read them at their start. None: the supervisor itself.
_CODE: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...] | None]]] = {
    "app, pyxec": (("app", "pyxec", "requirements.lock"), _PYTHON),
    "languages": (("languages",), _PYTHON),
    "images, runner": (("images", "runner"), ()),
    "web": (("web/src", "web/admin", "web/index.html", "web/package-lock.json"), ()),
    "nginx": (("deploy/nginx", "app/local/nginx.py"), (WEB,)),
    "embedded Redis server": (("app/local/valkey.py",), (SERVER,)),
    "supervisor": (tuple(f"app/local/{name}.py" for name in ("supervisor", "child_process", "launch_plan")), None),
}
_IGNORED_FOLDERS: Final = frozenset({"__pycache__", "node_modules", "dist", "build"})


class LaunchRecord(msgspec.Struct, frozen=True):
    """What the running processes were started with.

    Attributes:
        commands: Shell commands by name.
        settings: Environment variables of Pyxec. They can contain passwords.
        code: Digests of the parts of the code.
    """

    commands: dict[str, str]
    settings: dict[str, str]
    code: dict[str, str]

    @classmethod
    def create(cls, root: Path, plan: LaunchPlan) -> LaunchRecord:
        """Return the record of processes that a plan starts now."""
        settings = {name: value for name, value in plan.environment.items() if _is_setting(name)}
        return cls(dict(plan.commands), settings, {part: _digest(root, files) for part, (files, _) in _CODE.items()})

    @classmethod
    def read(cls, path: Path) -> LaunchRecord | None:
        """Read a record. Return None if there is no valid one."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def write(self, path: Path) -> None:
        """Write the record atomically. Only the user can read the file."""
        _write_private(path, msgspec.json.encode(self))


class RestartRequest(msgspec.Struct, frozen=True):
    """A request to the supervisor, which reads it at SIGUSR1.

    Attributes:
        record: What the processes are started with from now on.
        environment: All environment variables of the commands.
        processes: Names of the processes to restart, in this order.
    """

    record: LaunchRecord
    environment: dict[str, str]
    processes: list[str]

    @classmethod
    def take(cls, path: Path) -> RestartRequest | None:
        """Read and delete a request. Return None if there is no valid one."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        finally:
            path.unlink(missing_ok=True)

    def write(self, path: Path) -> None:
        """Write the request atomically. Only the user can read the file."""
        _write_private(path, msgspec.json.encode(self))


@dataclass(frozen=True)
class Difference:
    """One difference between the running processes and the checkout.

    Attributes:
        text: Description for people, without secrets.
        processes: Names of the processes that need a restart. None: all of them, with their supervisor.
    """

    text: str
    processes: tuple[str, ...] | None


def find_differences(running: LaunchRecord | None, current: LaunchRecord) -> list[Difference]:
    """Return the differences, those of the settings first.

    Args:
        running: Record of the running processes. None: a version without records has started them.
        current: Record of processes that would be started now.
    """
    if running is None:
        return [Difference("the running processes are of an earlier version", None)]
    return [
        *_compare_settings(running.settings, current.settings, tuple(current.commands)),
        *_compare_commands(running.commands, current.commands),
        *(
            Difference(f"code: {part}", _select(processes, current.commands))
            for part, (_, processes) in _CODE.items()
            if running.code.get(part) != current.code[part]
        ),
    ]


def _compare_settings(
    running: Mapping[str, str], current: Mapping[str, str], names: Sequence[str]
) -> Iterator[Difference]:
    for name in sorted(running.keys() | current.keys()):
        before, after = running.get(name), current.get(name)
        if before != after:
            processes = None if name in _ADDRESSES else tuple(p for p in names if p in _find_readers(name))
            yield Difference(f"{name}: {_describe(name, before)} -> {_describe(name, after)}", processes)


def _compare_commands(running: Mapping[str, str], current: Mapping[str, str]) -> Iterator[Difference]:
    if running.keys() != current.keys():
        yield Difference(f"processes: {', '.join(running)} -> {', '.join(current)}", None)
        return
    for name, command in current.items():
        if running[name] != command:
            yield Difference(f"Procfile: {name}", (name,))


def _find_readers(setting: str) -> tuple[str, ...]:
    if setting.startswith("VALKEY_"):
        return (SERVER,)
    if setting.startswith("PYXEC_HTTP_"):
        return ("api", WEB)
    if setting.startswith("PYXEC_WORKER_"):
        return ("worker",)
    return (*_PYTHON, WEB) if setting in _WEB_SETTINGS or setting.startswith("PYXEC_WEB_") else _PYTHON


def _select(processes: tuple[str, ...] | None, commands: Iterable[str]) -> tuple[str, ...] | None:
    return None if processes is None else tuple(name for name in processes if name in set(commands))


def _describe(name: str, value: str | None) -> str:
    if value is None:
        return "(not set)"
    is_secret = not _SECRET_WORDS.isdisjoint(name.split("_")) and not name.endswith("_FILE")
    return "(not shown)" if is_secret else value


def _is_setting(name: str) -> bool:
    return (name.startswith(_PREFIXES) or name in _OTHER_SETTINGS) and not name.startswith(_NO_SETTINGS)


def _digest(root: Path, files: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for path in sorted({path for name in files for path in _walk(root / name)}):
        digest.update(f"{path.relative_to(root)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _walk(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for folder, names, files in os.walk(path):
        names[:] = [name for name in names if name not in _IGNORED_FOLDERS and not name.startswith(".")]
        yield from (Path(folder) / name for name in files if not name.endswith((".pyc", ".o")))


def _write_private(path: Path, content: bytes) -> None:
    draft = path.with_suffix(f".{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_bytes(content)
    draft.replace(path)
