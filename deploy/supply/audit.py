"""``make audit``: licences and known weaknesses of all that is shipped. Works offline."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from deploy.supply.advisories import findings, read_snapshot, shipped, unknown
from deploy.supply.licences import is_allowed, node_licences, python_licences

__all__ = ["audit"]


def audit(root: Path) -> Iterator[str]:
    """One line for each thing that is wrong."""
    for name, licence in [*python_licences(root), *node_licences(root)]:
        if not is_allowed(licence):
            yield f"{name}: its licence is {licence or 'not said'}, which is not among those allowed"
    yield from findings(read_snapshot(root), shipped(root))


def main() -> None:
    """Print what is wrong, and what is not known; status 1 if anything is wrong."""
    root = Path.cwd()
    wrong = list(audit(root))
    snapshot = read_snapshot(root)
    missing = unknown(snapshot, shipped(root))
    for line in wrong:
        sys.stdout.write(f"  ✗ {line}\n")
    if missing:
        sys.stdout.write(f"  ? not known, `make advisories` asks: {', '.join(missing)}\n")
    sys.stdout.write(f"  {len(wrong)} found; advisories of {snapshot.asked_on}\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
