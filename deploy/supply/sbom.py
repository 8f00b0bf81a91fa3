"""`make sbom`: writes the packages of the service and of the page to ``.pyxec/sbom/`` in the CycloneDX format."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from deploy.supply.npm import read_npm_report
from deploy.supply.pins import SHIPPED

__all__ = ["write_sboms"]


def write_sboms(root: Path, folder: Path, *, validate: bool = True) -> list[Path]:
    """Write a document for each lock file of shipped packages.

    Args:
        root: The checkout.
        folder: Folder for the documents.
        validate: Whether to validate the documents against the schema, which takes seconds.

    Returns:
        The paths of the documents.

    Raises:
        subprocess.CalledProcessError: The generator refused a lock file. It has printed the reason.
        app.local.console.SetupError: npm failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [_write_python_sbom(root, name, folder / f"{name}.cdx.json", validate) for name in SHIPPED]
    page = folder / "web.cdx.json"
    page.write_text(
        json.dumps(read_npm_report(root / "web", "sbom", "--sbom-format=cyclonedx", "--omit=dev"), indent=2) + "\n"
    )
    return [*written, page]


def _write_python_sbom(root: Path, name: str, path: Path, validate: bool) -> Path:
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
