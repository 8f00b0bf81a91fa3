"""Every command and example of the pages for users, in order, in a clean folder, against a real service.

- `bash` and `python` blocks run. The variables of a `bash` block exist in the later ones, as in a terminal.
- A block without a language shows the response of the `bash` block before it, and is compared with its output.
- `sh` blocks need another machine, a clone (`make up`: tests/bare) or another program. tests/site/pages.py lists them.
- Other blocks are neither commands nor responses.

tests/integration/test_judging_page.py runs the indented examples of docs/judging.md, tests/compose/operations_page.py
those of docs/operations.md.

The file has no prefix `test_`, so that `make test` does not collect it. `make test-site` names it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.site.code_blocks import CodeBlock, keep_variables, read_code_blocks
from tests.site.pages import PAGES
from tests.stack import ROOT, Stack

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]


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
        "STATE": str(tmp_path / "state"),
    }
    (folder / "examples").symlink_to(ROOT / "examples")
    # When its blocks run in order
    printed = ""
    blocks = read_code_blocks(ROOT / page)
    for block, following in zip(blocks, [*blocks[1:], CodeBlock("text", "")], strict=True):
        if block.language in ("bash", "python"):
            text = re.sub(r"(localhost|127\.0\.0\.1):8080", stack.url.removeprefix("http://"), block.text)
            # Not on stdin, which `pyxec run` would send to its program.
            command = (
                ["bash", "-euc", keep_variables(text)] if block.language == "bash" else [sys.executable, "-c", text]
            )
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert done.returncode == 0, block.text + done.stdout + done.stderr
            printed += done.stdout
            # Then the responses have the statuses and the fields that the page shows, and no unexpected problem
            response = following if following.language == "" else CodeBlock("", "")
            assert response.find_differences(done.stdout) == set(), block.text + done.stdout
    # And they print what the page states, in this order
    position = 0
    for text in PAGES[page]:
        position = printed.index(text, position) + len(text)
