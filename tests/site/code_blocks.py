"""The fenced code blocks of a Markdown document."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CodeBlock", "keep_variables", "read_code_blocks"]

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What a response must have in common with the one that a page shows.
_PART = re.compile(r'HTTP/1\.1 \d{3}|"\w+"(?= ?:)')
_PROBLEM = re.compile(r"/problems/[\w-]+")


@dataclass(frozen=True)
class CodeBlock:
    """A code block: its language, which can be empty, and its text."""

    language: str
    text: str

    def find_differences(self, output: str) -> set[str]:
        """Return the statuses and JSON fields of this response that an output lacks, and the problems that it adds."""
        return set(_PART.findall(self.text)) - set(_PART.findall(output)) | _find_problems(output) - _find_problems(
            self.text
        )


def keep_variables(script: str) -> str:
    """Return a script of Bash that reads the variables of earlier ones from the file ``$STATE``, and adds its own."""
    return f'touch "$STATE"; . "$STATE"; set -a\n{script}\nset +a; export -p > "$STATE"'


def _find_problems(output: str) -> set[str]:
    """Return the types of the problems that the responses in an output report."""
    return set(_PROBLEM.findall(output))


def read_code_blocks(document: Path) -> list[CodeBlock]:
    """Return the code blocks in their order."""
    return [CodeBlock(match[1], match[2]) for match in _BLOCK.finditer(document.read_text())]
