"""Untrusted text on a terminal."""

from __future__ import annotations

import pytest

from pyxec.cli.terminal_text import escape_control, format_json


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zeile\n\tüber 日本", "Zeile\n\tüber 日本"),
        ("\x1b]0;mine\x07", r"\x1b]0;mine\x07"),
        ("\rover", r"\rover"),
        ("\x9b2J", r"\x9b2J"),
        ("txt.\u202eexe", r"txt.\u202eexe"),
    ],
)
def test_escape_control_replaces_control_characters(text: str, shown: str) -> None:
    assert escape_control(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"a":[1]}', '{\n  "a": [\n    1\n  ]\n}'),
        ('{"a": "\\u001b[2J"}', '{\n  "a": "\\u001b[2J"\n}'),
        ('{"cut off', '{"cut off'),
        ("\x1b{", r"\x1b{"),
        ("", ""),
    ],
)
def test_format_json_indents_json_and_keeps_other_text(text: str, shown: str) -> None:
    assert format_json(text) == shown
