"""Every command and example of the pages for users, in order, in a clean folder, against a real service.

The Bash and Python blocks run. Blocks without a language are responses, and commands that need another machine, a clone
(`make up`: tests/bare) or another program. tests/integration/test_judging_page.py runs the examples of docs/judging.md.

The file has no prefix `test_`, so that `make test` does not collect it. `make test-site` names it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.site.code_blocks import read_code_blocks
from tests.stack import ROOT, Stack

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

PAGES = {
    "README.md": ['"stdout":"42', "42"],
    "docs/sdk.md": ["ok 42", "0\n1\n2", "HELLO"],
    "docs/files.md": ['"name":"words.txt"', '"stdout":"18', "ok 1", "to be or not to be", "TO BE OR NOT TO BE"],
    "docs/cli.md": ["createKey", "primes", "queens", "Grace", "words", "verdicts match", "jobs per second", "67 words"],
    "docs/compat.md": ['"description":"Accepted"', '"output":"42', '"job_id"'],
    "docs/agents.md": ['"version":0', '"changed":["n.txt"]'],
    "docs/getting-started.md": ["45", "data:", "6 words", "ok 42", "python"],
    "docs/guides/classroom.md": ["accepted", "accepted"],
    "docs/guides/run-button.md": ["from a page"],
}


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_a_page_run_in_order(page: str, stack: Stack, tmp_path: Path) -> None:
    # Given a clean folder, and `pyxec` and `python3` on the PATH
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, arguments in (("pyxec", "-m app.cli"), ("python3", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
        (programs / name).chmod(0o755)
    folder = tmp_path / "folder"
    folder.mkdir()
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYXEC_URL": stack.url,
        "REDIS_URL": stack.redis_url,
        "PYXEC_NAMESPACE": stack.namespace,
        "COLUMNS": "200",
    }
    (folder / "examples").symlink_to(ROOT / "examples")
    # When its blocks run in order
    printed = ""
    for block in read_code_blocks(ROOT / page):
        if block.language in ("bash", "python"):
            # Not on stdin, which `pyxec run` would send to its program.
            command = ["bash", "-euc"] if block.language == "bash" else [sys.executable, "-c"]
            text = block.text.replace("http://127.0.0.1:8080", stack.url)
            done = subprocess.run(
                [*command, text],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert done.returncode == 0, block.text + done.stdout + done.stderr
            printed += done.stdout
    # Then they print what the page states, in this order
    position = 0
    for text in PAGES[page]:
        position = printed.index(text, position) + len(text)
