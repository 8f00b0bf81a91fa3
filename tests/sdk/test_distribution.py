"""The SDK as a wheel, in a virtual environment without the server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import ROOT, Stack

pytestmark = pytest.mark.docker

PROGRAM = """
import asyncio, importlib.util, pathlib, sys
import pyxec
from pyxec import AsyncClient, Client

assert pathlib.Path(pyxec.__file__).is_relative_to(sys.prefix), pyxec.__file__
assert pathlib.Path(pyxec.__file__).with_name("py.typed").exists()
print(*[name for name in ("falcon", "redis", "docker", "dramatiq", "typer", "app") if importlib.util.find_spec(name)])
with Client() as client:
    print(client.run("python", "print('threads')").stdout, end="")

async def main():
    async with AsyncClient() as client:
        print((await client.run("python", "print('tasks')")).stdout, end="")

asyncio.run(main())
"""


def test_wheel_runs_a_job_without_server_dependencies(stack: Stack, tmp_path: Path) -> None:
    # Given an environment with the wheel and its dependencies
    environment = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    wheels = tmp_path / "wheels"
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", wheels, ROOT / "pyxec")
    (wheel,) = wheels.glob("*.whl")
    run(sys.executable, "-m", "pip", "--python", environment / "bin" / "python", "install", "-q", wheel)
    # When it is used outside the checkout, with the URL in the environment
    printed = run(environment / "bin" / "python", "-c", PROGRAM, cwd=tmp_path, PYXEC_URL=stack.url)
    # Then jobs run, and no package of the server is installed
    assert printed == "\nthreads\ntasks\n"


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """Run a command and return its output."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYXEC_", "PYTHON"))}
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env={**variables, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
