"""Data, names and environment variables that must not be interpreted."""

from __future__ import annotations

import json

import pytest

from tests.adversarial.bounded_sandbox import BoundedSandbox
from tests.sandbox.sandbox_fixture import job

pytestmark = pytest.mark.docker

ECHO_ARGUMENTS = "import json, sys; print(json.dumps(sys.argv[1:]))"
EVERY_BYTE = bytes(range(256)) * 8


def test_binary_data_is_unchanged(sandbox: BoundedSandbox) -> None:
    source = (
        "import sys\ndata = sys.stdin.buffer.read()\nsys.stdout.buffer.write(data)\nsys.stderr.buffer.write(data[::-1])"
    )

    ran = sandbox.run(job("python", source, stdin=EVERY_BYTE))

    assert (ran.stdout, ran.stderr) == (EVERY_BYTE, EVERY_BYTE[::-1])


def test_file_contents_are_unchanged(sandbox: BoundedSandbox) -> None:
    source = "import pathlib, sys; sys.stdout.buffer.write(pathlib.Path('data/x.bin').read_bytes())"

    assert sandbox.run(job("python", source, files={"data/x.bin": EVERY_BYTE})).stdout == EVERY_BYTE


@pytest.mark.parametrize("name", ["-rf", "--help", "$(id)", "a b'c\"d", "`reboot`", "*", "ä☃", "a;b|c&d", "x" * 255])
def test_file_names_are_not_interpreted(sandbox: BoundedSandbox, name: str) -> None:
    ran = sandbox.run(job("python", "import os; print(ascii(sorted(os.listdir())))", files={name: b""}))

    assert ran.text == ascii(sorted(["main.py", name])) + "\n"


def test_arguments_are_not_interpreted_by_a_shell(sandbox: BoundedSandbox) -> None:
    arguments = ["`id`", "$(id)", "; reboot", "a b", "", "'", '"', "\\", "*", "\n", "--version", "-c", "ä☃", "$HOME"]

    ran = sandbox.run(job("python", ECHO_ARGUMENTS, args=arguments))

    assert ran.outcome == "ok"
    assert json.loads(ran.text) == arguments


@pytest.mark.parametrize(
    "env",
    [
        {"LD_PRELOAD": "/work/evil.so", "LD_LIBRARY_PATH": "/work", "LD_AUDIT": "/work/evil.so"},
        {"PYTHONPATH": "/work", "PYTHONSTARTUP": "/work/evil", "PYTHONHOME": ""},
        {"BASH_ENV": "/work/evil", "ENV": "/work/evil", "SHELLOPTS": "xtrace", "PS4": "$(id)"},
        {"NODE_OPTIONS": "--require /work/evil.js", "MALLOC_PERTURB_": "1", "GLIBC_TUNABLES": "x=" * 500},
        {"GCONV_PATH": "/work", "LOCPATH": "/work", "TZ": ":/etc/shadow", "IFS": "x", "HOME": "/root"},
    ],
    ids=lambda env: next(iter(env)),
)
def test_environment_is_visible_to_the_program_only(sandbox: BoundedSandbox, env: dict[str, str]) -> None:
    """These variables may affect the program, not the runner."""
    ran = sandbox.run(job("bash", "echo still me", env=env, files={"evil": b"echo loaded\n"}))

    assert ran.outcome == "ok"
    assert ran.text.endswith("still me\n")
    assert ran.last.stopped_by.value == "none"


@pytest.mark.parametrize(
    "env",
    [
        {"LD_PRELOAD": "/work/none.so", "GCC_EXEC_PREFIX": "/work/", "COMPILER_PATH": "/work"},
        {"CPATH": "/work/evil", "TMPDIR": "/nowhere", "DEPENDENCIES_OUTPUT": "/work/out", "LIBRARY_PATH": "/work"},
        {"PATH": "/work"},
    ],
    ids=lambda env: next(iter(env)),
)
def test_environment_does_not_reach_the_compiler(sandbox: BoundedSandbox, env: dict[str, str]) -> None:
    evil = {"as": b"#!/bin/sh\necho evil\n", "cc1": b"#!/bin/sh\necho evil\n", "evil/stdio.h": b"#error evil\n"}
    source = '#include <stdio.h>\nint main(void) { puts("clean"); return 0; }'

    ran = sandbox.run(job("c", source, env=env, files=evil))

    assert (ran.outcome, ran.text) == ("ok", "clean\n")
