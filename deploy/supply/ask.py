"""``make advisories``: asks the registries anew and writes the snapshot that ``make audit`` goes by."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec

from deploy.supply.advisories import SNAPSHOT, Snapshot, shipped, unknown
from deploy.supply.registry import ask_for_node, ask_for_python

__all__ = ["ask"]


def ask(root: Path) -> Snapshot:
    """Ask about everything that is shipped.

    Raises:
        httpx.HTTPError: a registry does not answer.
    """
    with httpx.Client(follow_redirects=True) as client:
        python = {f"{pin.name}=={pin.version}": ask_for_python(pin, client) for pin in shipped(root)}
    return Snapshot(datetime.now(UTC).date().isoformat(), python, ask_for_node(root / "web"))


def main() -> None:
    """Write what has been learnt, and say what has not."""
    root = Path.cwd()
    snapshot = ask(root)
    (root / SNAPSHOT).write_bytes(msgspec.json.format(msgspec.json.encode(snapshot), indent=1) + b"\n")
    missing = unknown(snapshot, shipped(root))
    sys.stdout.write(f"asked about {len(snapshot.python)} packages; nothing could be learnt of: {missing or 'none'}\n")


if __name__ == "__main__":
    main()
