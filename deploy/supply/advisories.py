"""Known vulnerabilities of the shipped packages: `python -m deploy.supply.advisories` updates their snapshot."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
from pip._internal.models.index import PyPI  # the registry that pip uses

from deploy.supply.npm import read_npm_report
from deploy.supply.pins import SHIPPED, Pin, read_lock

__all__ = [
    "Advisory",
    "Snapshot",
    "fetch_python_advisories",
    "find_vulnerabilities",
    "list_shipped",
    "list_unknown",
    "read_snapshot",
]

# Reasons by id of an advisory that does not affect Pyxec.
ACCEPTED: Final[Mapping[str, str]] = {}

_SNAPSHOT: Final = Path("deploy") / "supply" / "advisories.json"
_TIMEOUT_SECONDS: Final = 30.0


class Advisory(msgspec.Struct, frozen=True):
    """A known vulnerability. ``fixed_in`` contains versions."""

    id: str
    aliases: tuple[str, ...] = ()
    summary: str = ""
    fixed_in: tuple[str, ...] = ()


class Snapshot(msgspec.Struct, frozen=True):
    """The advisories of a day.

    Attributes:
        retrieved_on: Date in the format YYYY-MM-DD.
        python: Advisories by ``name==version``. None if the registry has no data.
        node: Advisories of the packages of the page by name. None if the registry has no data.
    """

    retrieved_on: str
    python: dict[str, list[Advisory] | None]
    node: dict[str, list[Advisory]] | None


def list_shipped(root: Path) -> list[Pin]:
    """Return the Python packages that are shipped, or that build what is shipped."""
    pins = {(pin.name, pin.version): pin for file in SHIPPED for pin in read_lock(root / f"{file}.lock")}
    return [pins[key] for key in sorted(pins)]


def read_snapshot(root: Path) -> Snapshot:
    """Read the snapshot of the repository."""
    return msgspec.json.decode((root / _SNAPSHOT).read_bytes(), type=Snapshot)


def find_vulnerabilities(snapshot: Snapshot, pins: list[Pin]) -> Iterator[str]:
    """Yield a line for each vulnerability of the pinned versions that is not accepted."""
    python = {f"{pin.name}=={pin.version}": snapshot.python.get(f"{pin.name}=={pin.version}") for pin in pins}
    for package, advisories in (python | (snapshot.node or {})).items():
        for advisory in advisories or ():
            if not {advisory.id, *advisory.aliases} & ACCEPTED.keys():
                yield f"{package}: {advisory.id} {advisory.summary} (fixed in: {', '.join(advisory.fixed_in) or '?'})"


def list_unknown(snapshot: Snapshot, pins: list[Pin]) -> list[str]:
    """Return the packages without data in the snapshot. ``npm`` stands for all packages of the page."""
    names = [f"{pin.name}=={pin.version}" for pin in pins]
    unknown = [name for name in names if snapshot.python.get(name) is None]
    return unknown if snapshot.node is not None else [*unknown, "npm"]


def fetch_python_advisories(pin: Pin, client: httpx.Client) -> list[Advisory] | None:
    """Return the advisories of a version from the registry of Python packages, or None if it has no data.

    Raises:
        httpx.HTTPError: The registry does not respond.
    """
    response = client.get(f"{PyPI.pypi_url}/{pin.name}/{pin.version}/json", timeout=_TIMEOUT_SECONDS)
    if response.status_code == httpx.codes.NOT_FOUND:
        # A mirror may have data of the newest version only.
        response = client.get(f"{PyPI.pypi_url}/{pin.name}/json", timeout=_TIMEOUT_SECONDS)
        if response.status_code == httpx.codes.NOT_FOUND or response.json()["info"]["version"] != pin.version:
            return None
    items: list[Mapping[str, Any]] = response.raise_for_status().json()["vulnerabilities"]
    return [
        Advisory(
            item["id"], tuple(item.get("aliases") or ()), item.get("summary") or "", tuple(item.get("fixed_in") or ())
        )
        for item in items
        if not item.get("withdrawn")
    ]


def _fetch_node_advisories(web: Path) -> dict[str, list[Advisory]] | None:
    report = read_npm_report(web, "audit", "--json", "--omit=dev")
    if "auditReportVersion" not in report:
        return None
    return {
        name: [Advisory(cause["url"], (), cause["title"], ()) for cause in item["via"] if isinstance(cause, dict)]
        for name, item in report["vulnerabilities"].items()
    }


def main() -> None:
    """Update the snapshot of the repository in the current folder."""
    root = Path.cwd()
    pins, known = list_shipped(root), read_snapshot(root).python
    python: dict[str, list[Advisory] | None] = {}
    with httpx.Client(follow_redirects=True) as client:
        for pin in pins:
            name, advisories = f"{pin.name}=={pin.version}", fetch_python_advisories(pin, client)
            # A mirror that had data of a version when it was the newest one may have none any more.
            python[name] = known.get(name) if advisories is None else advisories
    snapshot = Snapshot(datetime.now(UTC).date().isoformat(), python, _fetch_node_advisories(root / "web"))
    (root / _SNAPSHOT).write_bytes(msgspec.json.format(msgspec.json.encode(snapshot), indent=1) + b"\n")
    unknown = ", ".join(list_unknown(snapshot, pins)) or "none"
    sys.stdout.write(f"updated {len(python)} packages; without data: {unknown}\n")


if __name__ == "__main__":
    main()
