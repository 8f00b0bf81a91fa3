"""Hypothesis strategies for the bytes of requests: valid ones, unusual ones, and mutations of both."""

from __future__ import annotations

import os

from hypothesis import strategies as st

#: How many times more examples than usual the byte-level tests run; `make fuzz-http` sets it.
MORE_EXAMPLES = int(os.environ.get("PYXEC_TEST_EXAMPLES", "1"))

_TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
tokens = st.text(_TOKEN_CHARACTERS, min_size=1, max_size=12).map(str.encode)
visible = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=12)
targets = st.tuples(st.sampled_from(["/", "/v1/jobs?", "/livez", "/%2e%2e/"]), visible).map(
    lambda parts: "".join(parts).encode()
)
values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E) | st.sampled_from(" \t"), max_size=12).map(
    lambda text: text.strip(" \t").encode()
)
bodies = st.binary(max_size=20) | st.sampled_from(
    [b"GET /victim HTTP/1.1\r\nHost: x\r\n\r\n", b"0\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]
)

_FRAMING_NAMES = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"connection", b"expect", b"upgrade", b"proxy-connection"}
)
_plain_headers = st.lists(
    st.tuples(tokens.filter(lambda name: name.lower() not in _FRAMING_NAMES), values).map(
        lambda field: b"%b: %b\r\n" % field
    ),
    max_size=3,
).map(b"".join)


@st.composite
def chunked(draw: st.DrawFn) -> bytes:
    """A valid chunked body."""
    chunks = draw(st.lists(st.binary(min_size=1, max_size=20), max_size=3))
    extension = draw(st.sampled_from([b"", b";a", b";a=b", b';a="b"']))
    trailers = draw(_plain_headers)
    coded = b"".join(b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    return coded + b"0\r\n" + trailers + b"\r\n"


@st.composite
def valid_requests(draw: st.DrawFn) -> bytes:
    """A request that every parser accepts and understands in the same way."""
    method = draw(st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS"]) | tokens)
    head = b"%b %b HTTP/1.1\r\nHost: %b\r\n" % (method, draw(targets), draw(st.sampled_from([b"x", b"[::1]:80"])))
    head += draw(_plain_headers)
    match draw(st.sampled_from(["none", "sized", "chunked"])):
        case "sized":
            body = draw(bodies)
            return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
        case "chunked":
            return head + b"Transfer-Encoding: chunked\r\n\r\n" + draw(chunked())
    return head + b"\r\n"


_unusual_lines = st.sampled_from(
    [
        b"GET / HTTP/1.0", b"GET /", b"GET / HTTP/1.1", b"POST * HTTP/1.1", b"OPTIONS * HTTP/1.1",
        b"POST http://x/a?b HTTP/1.1", b"POST http://x HTTP/1.1", b"CONNECT x:1 HTTP/1.1", b"PRI * HTTP/2.0",
        b"POST / HTTP/1.1", b"POST /a#b HTTP/1.1", b"HEAD / HTTP/1.1", b"POST  / HTTP/1.1", b"\r\nPOST / HTTP/1.1",
    ]
)  # fmt: skip
_unusual_headers = st.sampled_from(
    [
        b"Host: x", b"Host: x", b"Host: y", b"Host:", b"Host : x", b"Host: x, y", b"host:x",
        b"Content-Length: 5", b"Content-Length: 5", b"Content-Length: 0", b"Content-Length: +5", b"Content-Length: 0x5",
        b"Content-Length: 5, 5", b"Content-Length: -1", b"Content-Length: 05", b"Content-Length : 5",
        b"Content-Length: 18446744073709551621", b"Content-Length:\t5", b"Content-Length:\x0b5", b"Content-Length: 5\r",
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", b"Transfer-Encoding: Chunked",
        b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: identity", b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding: chunked ", b"Transfer-Encoding : chunked",
        b"Transfer_Encoding: chunked", b"X: y\r\n Transfer-Encoding: chunked", b"X: y\nTransfer-Encoding: chunked",
        b"X: y\rTransfer-Encoding: chunked", b" Content-Length: 5", b"X: \x00", b"X: \x01", b"X", b":", b"",
        b"Upgrade: h2c", b"Upgrade: websocket", b"Upgrade: x", b"Connection: upgrade", b"Connection: close",
        b"Connection: keep-alive", b"Connection: Upgrade, Content-Length", b"Expect: 100-continue", b"Expect: x",
        b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
)  # fmt: skip
_unusual_bodies = st.sampled_from(
    [
        b"", b"hello", b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"5;x\r\nhello\r\n0\r\n\r\n", b"5\nhello\n0\n\n",
        b"+5\r\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"5 \r\nhello\r\n0\r\n\r\n", b"5\r\nhello0\r\n\r\n",
        b"5 ;x\r\nhello\r\n0\r\n\r\n", b"0\r\nHost: y\r\n\r\n", b"0\r\n x\r\n\r\n", b"5;x\nhello\r\n0\r\n\r\n",
        b"00000000000000005\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n", b"\r\n5\r\nhello",
    ]
)  # fmt: skip


@st.composite
def unusual_requests(draw: st.DrawFn) -> bytes:
    """A request of parts that parsers treat differently."""
    headers = draw(st.lists(_unusual_headers, max_size=5))
    if draw(st.integers(0, 4)):
        headers.insert(0, b"Host: x")
    separator = b"\n" if draw(st.integers(0, 9)) == 0 else b"\r\n"
    return separator.join([draw(_unusual_lines), *headers, b"", draw(_unusual_bodies)])


@st.composite
def mutated(draw: st.DrawFn, requests: st.SearchStrategy[bytes]) -> bytes:
    """Bytes with a few insertions, deletions, replacements and repetitions."""
    data = bytearray(draw(requests))
    fragments = st.sampled_from([b"\r", b"\n", b"\r\n", b" ", b"\t", b"\x00", b"\x0b", b":", b";", b",", b"0", b"#"])
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 6)))
        match draw(st.sampled_from(["insert", "delete", "replace", "repeat"])):
            case "insert":
                data[start:start] = draw(fragments | st.binary(max_size=2))
            case "delete":
                del data[start:end]
            case "replace":
                data[start:end] = draw(fragments | st.binary(max_size=2))
            case "repeat":
                data[start:start] = data[start:end]
    return bytes(data)


#: The bytes of a connection with up to three requests.
connections = st.lists(mutated(valid_requests() | unusual_requests()), min_size=1, max_size=3).map(b"".join)
