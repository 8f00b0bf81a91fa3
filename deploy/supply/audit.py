"""`make audit`: checks the licences and the known vulnerabilities of the shipped packages, without network access."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from deploy.supply.advisories import find_vulnerabilities, list_shipped, list_unknown, read_snapshot
from deploy.supply.licences import is_allowed, read_node_licences, read_python_licences

__all__ = ["find_problems"]


def find_problems(root: Path) -> Iterator[str]:
    """Yield a line for each package with a licence that is not allowed, and for each vulnerability."""
    for name, licence in [*read_python_licences(root), *read_node_licences(root)]:
        if not is_allowed(licence):
            yield f"{name}: the licence {licence or '(none)'} is not allowed"
    yield from find_vulnerabilities(read_snapshot(root), list_shipped(root))


def main() -> None:
    """Print all problems and the packages without advisory data. Exit with status 1 if there are problems."""
    root = Path.cwd()
    problems = list(find_problems(root))
    snapshot = read_snapshot(root)
    unknown = list_unknown(snapshot, list_shipped(root))
    for line in problems:
        sys.stdout.write(f"  ✗ {line}\n")
    if unknown:
        sys.stdout.write(f"  ? no advisory data (run `make advisories`): {', '.join(unknown)}\n")
    sys.stdout.write(f"  {len(problems)} problems, advisories of {snapshot.retrieved_on}\n")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
