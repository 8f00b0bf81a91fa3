"""Messages for the stdin of a job."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyxec.events import stdin_messages

MAX_MESSAGE_CHARACTERS = 65_536


def decode(message: str) -> bytes:
    body = json.loads(message)
    assert body["type"] == "stdin"
    return base64.b64decode(body["data"]) if body.get("encoding") == "base64" else body["data"].encode()


@pytest.mark.parametrize("piece", [b"text\n", b"\0", b'"\\', "ü€😀".encode(), b"\xff\xfe", b"a\xc3"])
def test_stdin_messages_contain_all_input_within_the_size_limit(piece: bytes) -> None:
    data = piece * 100_000

    messages = list(stdin_messages(data))

    assert max(map(len, messages)) <= MAX_MESSAGE_CHARACTERS
    assert b"".join(map(decode, messages)) == data


@given(st.binary(max_size=200))
def test_stdin_messages_contain_any_input(data: bytes) -> None:
    assert b"".join(map(decode, stdin_messages(data))) == data
