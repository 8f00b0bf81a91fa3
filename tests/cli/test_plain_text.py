"""What others wrote, shown on a terminal that obeys what is written on it."""

from __future__ import annotations

import pytest

from app.cli.plain_text import plain, readable


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
def test_what_would_command_a_terminal_is_written_out(text: str, shown: str) -> None:
    assert plain(text) == shown


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
def test_json_is_indented_and_what_is_none_is_shown_as_it_is(text: str, shown: str) -> None:
    assert readable(text) == shown
