"""``make sbom``: what is in the service and in the page, as CycloneDX documents below ``.pyxec/sbom/``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from deploy.supply.node import read_npm_report
from deploy.supply.pins import SHIPPED

__all__ = ["write_sboms"]


def write_sboms(root: Path, folder: Path, *, validate: bool = True) -> list[Path]:
    """Write one document for each lock file that something shipped is made from; return their paths.

    Parameters:
        validate: against the format's schema, which takes seconds.

    Raises:
        subprocess.CalledProcessError: the generator refused a lock file; it has said why.
        SetupError: npm has told nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [_python(root, name, folder / f"{name}.cdx.json", validate) for name in SHIPPED]
    page = folder / "web.cdx.json"
    page.write_text(
        json.dumps(read_npm_report(root / "web", "sbom", "--sbom-format=cyclonedx", "--omit=dev"), indent=2) + "\n"
    )
    return [*written, page]


def _python(root: Path, name: str, path: Path, validate: bool) -> Path:
    generator = Path(sys.executable).with_name("cyclonedx-py")
    options = [
        "--output-reproducible",
        "--spec-version",
        "1.6",
        "--output-file",
        str(path),
        "--validate" if validate else "--no-validate",
    ]
    subprocess.run([generator, "requirements", *options, f"{name}.lock"], cwd=root, check=True)
    return path


if __name__ == "__main__":
    for path in write_sboms(Path.cwd(), Path(".pyxec") / "sbom"):
        sys.stdout.write(f"  {path}\n")
