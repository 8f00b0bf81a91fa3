"""The distribution `pyxec` as a wheel, in a virtual environment without the server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pyxec
from pyxec.version import VERSION
from tests.stack import ROOT, Stack

pytestmark = pytest.mark.docker

PROGRAM = """
import asyncio, importlib.util, pathlib, sys
import pyxec
from pyxec import AsyncClient, Client

assert pathlib.Path(pyxec.__file__).is_relative_to(sys.prefix), pyxec.__file__
assert pathlib.Path(pyxec.__file__).with_name("py.typed").exists()
print(*[name for name in ("falcon", "redis", "docker", "dramatiq", "app") if importlib.util.find_spec(name)])
with Client() as client:
    print(client.run("python", "print('threads')").stdout, end="")

async def main():
    async with AsyncClient() as client:
        print((await client.run("python", "print('tasks')")).stdout, end="")

asyncio.run(main())
"""
METADATA = """
from importlib.metadata import files, metadata

found = metadata("pyxec")
print(found["Version"], found["License-Expression"], *found.get_all("License-File"))
print(*sorted(url.partition(",")[0] for url in found.get_all("Project-URL")))
"""


def test_wheel_runs_a_job_without_server_dependencies(stack: Stack, tmp_path: Path) -> None:
    # Given an environment with the wheel and its dependencies
    environment = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    wheels = tmp_path / "wheels"
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", wheels, ROOT / "pyxec")
    (wheel,) = wheels.glob("*.whl")
    run(sys.executable, "-m", "pip", "--python", environment / "bin" / "python", "install", "-q", wheel)
    python, pyxec = environment / "bin" / "python", environment / "bin" / "pyxec"
    # When it is used outside the checkout, with the URL in the environment
    printed = run(python, "-c", PROGRAM, cwd=tmp_path, PYXEC_URL=stack.url)
    # Then jobs run, and no package of the server is installed
    assert printed == "\nthreads\ntasks\n"
    # And the client commands work
    program = tmp_path / "program.py"
    program.write_text("import sys; print(sys.argv[1])\n")
    assert run(pyxec, "run", program, "argument", cwd=tmp_path, PYXEC_URL=stack.url) == "argument\n"
    job_id = run(pyxec, "submit", program, "later", cwd=tmp_path, PYXEC_URL=stack.url).strip()
    assert run(pyxec, "tail", job_id, cwd=tmp_path, PYXEC_URL=stack.url) == "later\n"
    assert run(pyxec, "cancel", job_id, cwd=tmp_path, PYXEC_URL=stack.url) == ""
    assert "python" in run(pyxec, "languages", cwd=tmp_path, PYXEC_URL=stack.url)
    assert "PROBLEM_DIR" in run(pyxec, "judge", "--help", cwd=tmp_path, COLUMNS="200")
    judged = run(pyxec, "judge", create_problem(tmp_path / "sum"), cwd=tmp_path, PYXEC_URL=stack.url)
    assert judged.endswith("1 of 1 verdicts match\n")
    # And a command that needs more packages names the extra
    stopped = execute(pyxec, "mcp", cwd=tmp_path, PYXEC_URL=stack.url)
    assert (stopped.returncode, stopped.stdout) == (2, "")
    assert stopped.stderr.endswith("install the command with its dependencies: pip install 'pyxec[mcp]'\n")
    assert run(pyxec, "--version", cwd=tmp_path) == f"pyxec {VERSION}\n"
    assert "_PYXEC_COMPLETE=complete_bash" in run(
        pyxec, "--show-completion", "bash", cwd=tmp_path, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"
    )
    # And the metadata contains the licence and the URLs
    assert run(python, "-c", METADATA, cwd=tmp_path).splitlines() == [
        f"{VERSION} MIT LICENSE",
        "Changelog Documentation Issues Source",
    ]
    assert (ROOT / "pyxec" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def create_problem(folder: Path) -> Path:
    """Create a problem package with one test and one submission, and return its folder."""
    files = {
        "problem.yaml": "name: Sum\n",
        "data/secret/1.in": "1 2\n",
        "data/secret/1.ans": "3\n",
        "submissions/accepted/sum.py": "print(sum(map(int, input().split())))\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def execute(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command without stdin and without the settings of this process."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYXEC_", "PYTHON"))}
    return subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env={**variables, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """Run a command that must succeed, and return its output."""
    done = execute(*command, cwd=cwd, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_module_hides_an_exported_name() -> None:
    # After the import of the module `pyxec.name`, the attribute `pyxec.name` is the module
    modules = {path.stem for path in Path(pyxec.__file__).parent.glob("*.py")}
    assert not modules & set(pyxec.__all__)
