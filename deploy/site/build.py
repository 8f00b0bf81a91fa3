"""`make docs`: builds the site of docs/ and of the documents in the root folder. Broken links are errors."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

__all__ = ["build_site", "stage_documents"]

_ROOT_DOCUMENTS: Final = ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
_REPOSITORY: Final = "https://github.com/pyxec/pyxec/blob/main"
_LINK: Final = re.compile(r"(\]\()([^)\s#]+)([^)]*\))")


def stage_documents(root: Path, folder: Path) -> None:
    """Copy all documents into one folder. Links between them stay; links to other files lead to the repository.

    Raises:
        ValueError: A link leads to a file that does not exist.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(root / "docs", folder)
    for name in _ROOT_DOCUMENTS:
        shutil.copy(root / name, folder)
    (folder / "index.md").write_text(_rewrite(root / "README.md", folder / "index.md", root, folder))
    for path in folder.rglob("*.md"):
        relative = path.relative_to(folder)
        if relative.name != "index.md":
            source = root / relative if relative.name in _ROOT_DOCUMENTS else root / "docs" / relative
            path.write_text(_rewrite(source, path, root, folder))


def build_site(root: Path, site: Path) -> None:
    """Build the site.

    Raises:
        subprocess.CalledProcessError: mkdocs reported a problem.
        ValueError: A link leads to a file that does not exist.
    """
    folder = root / ".pyxec" / "site"
    stage_documents(root, folder)
    configuration = root / "deploy" / "site" / "mkdocs.yml"
    options: list[str | Path] = ["--strict", "-q", "-f", configuration, "-d", site]
    subprocess.run([sys.executable, "-m", "mkdocs", "build", *options], cwd=root, check=True)


def _rewrite(source: Path, target: Path, root: Path, folder: Path) -> str:
    def rewrite(match: re.Match[str]) -> str:
        link = match[2]
        if re.match(r"[a-z]+:", link):
            return match[0]
        linked = (source.parent / link).resolve()
        if not linked.exists():
            raise ValueError(f"{source.relative_to(root)}: {link} does not exist")
        staged = _staged_path(linked, root, folder)
        if staged is None:
            return f"{match[1]}{_REPOSITORY}/{linked.relative_to(root)}{match[3]}"
        return f"{match[1]}{_relative(staged, target.parent)}{match[3]}"

    return _LINK.sub(rewrite, source.read_text())


def _staged_path(linked: Path, root: Path, folder: Path) -> Path | None:
    relative = linked.relative_to(root)
    if relative.parts[0] == "docs" and linked.is_file():
        return folder / relative.relative_to("docs")
    if str(relative) == "README.md":
        return folder / "index.md"
    return folder / relative if str(relative) in _ROOT_DOCUMENTS else None


def _relative(path: Path, folder: Path) -> str:
    common = next(parent for parent in (folder, *folder.parents) if path.is_relative_to(parent))
    return "../" * len(folder.relative_to(common).parts) + path.relative_to(common).as_posix()


if __name__ == "__main__":
    try:
        build_site(Path.cwd(), Path.cwd() / "site")
    except ValueError as e:
        sys.exit(str(e))
    except subprocess.CalledProcessError as e:
        sys.exit(e.returncode)
