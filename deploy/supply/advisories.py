"""What is known against the packages that are shipped, as it was on the day when it was last asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from deploy.supply.pins import SHIPPED, Pin, read_lock

__all__ = ["ACCEPTED", "SNAPSHOT", "Advisory", "Snapshot", "findings", "read_snapshot", "shipped", "unknown"]

SNAPSHOT: Final = Path("deploy") / "supply" / "advisories.json"

#: Advisory -> why it does not matter here.
ACCEPTED: Final[Mapping[str, str]] = {}


class Advisory(msgspec.Struct, frozen=True):
    """One known weakness; ``fixed_in`` are versions."""

    id: str
    aliases: tuple[str, ...] = ()
    summary: str = ""
    fixed_in: tuple[str, ...] = ()


class Snapshot(msgspec.Struct, frozen=True):
    """The answers of one day.

    Parameters:
        asked_on: year-month-day.
        python: ``name==version`` -> what is known of it; None: nobody could be asked.
        node: name -> what is known of the page's packages; None: nobody could be asked about any.
    """

    asked_on: str
    python: dict[str, list[Advisory] | None]
    node: dict[str, list[Advisory]] | None


def shipped(root: Path) -> list[Pin]:
    """All Python packages that are shipped, or build what is."""
    pins = {(pin.name, pin.version): pin for file in SHIPPED for pin in read_lock(root / f"{file}.lock")}
    return [pins[key] for key in sorted(pins)]


def read_snapshot(root: Path) -> Snapshot:
    """The one that is kept in the repository."""
    return msgspec.json.decode((root / SNAPSHOT).read_bytes(), type=Snapshot)


def findings(snapshot: Snapshot, pins: list[Pin]) -> Iterator[str]:
    """One line for each weakness of what is pinned now, but those that are accepted."""
    python = {f"{pin.name}=={pin.version}": snapshot.python.get(f"{pin.name}=={pin.version}") for pin in pins}
    for package, advisories in (python | (snapshot.node or {})).items():
        for advisory in advisories or ():
            if not {advisory.id, *advisory.aliases} & ACCEPTED.keys():
                yield f"{package}: {advisory.id} {advisory.summary} (fixed in: {', '.join(advisory.fixed_in) or '?'})"


def unknown(snapshot: Snapshot, pins: list[Pin]) -> list[str]:
    """What the snapshot says nothing of: it came later, or nobody could be asked."""
    names = [f"{pin.name}=={pin.version}" for pin in pins]
    return [name for name in names if snapshot.python.get(name) is None] + (
        [] if snapshot.node is not None else ["npm"]
    )
