"""The examples of docs/judging.md, run against a complete service."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack

pytestmark = pytest.mark.docker

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "judging.md").read_text()
# A block is indented. What follows it up to the next block is text.
BLOCKS = [textwrap.dedent(block).strip() for block in re.findall(r"(?:^    .*\n(?:\n(?=    ))?)+", PAGE, re.MULTILINE)]
CURL = [(block, answer) for block, answer in itertools.pairwise(BLOCKS) if block.startswith("curl ")]
PYTHON = [(block, answer) for block, answer in itertools.pairwise(BLOCKS) if block.startswith("from pyxec")]


def run(stack: Stack, *command: str) -> str:
    environment = {**os.environ, "PYXEC_URL": stack.url}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def select(actual: Any, expected: Any) -> Any:
    """Return the parts of a document that the page shows."""
    if isinstance(expected, dict):
        return {name: select(actual[name], value) for name, value in expected.items()}
    if isinstance(expected, list):
        assert len(actual) == len(expected)
        return [select(item, value) for item, value in zip(actual, expected, strict=True)]
    return actual


def test_page_has_examples() -> None:
    assert len(CURL) + len(PYTHON) == len(re.findall(r"\n\n    (?:curl |from pyxec)", PAGE)) >= 3


@pytest.mark.parametrize(("command", "answer"), CURL)
def test_curl_example_returns_the_shown_result(stack: Stack, command: str, answer: str) -> None:
    job = json.loads(run(stack, "bash", "-c", command.replace("localhost:8080", stack.url)))

    assert select(job, json.loads(answer)) == json.loads(answer)


@pytest.mark.parametrize(("program", "printed"), PYTHON)
def test_python_example_prints_the_shown_text(stack: Stack, program: str, printed: str) -> None:
    assert run(stack, sys.executable, "-c", program).strip() == printed
