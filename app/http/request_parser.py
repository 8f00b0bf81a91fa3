"""A strict, incremental parser of HTTP/1.1 requests (RFC 9112).

It rejects every message whose end two implementations can find in different places, because the gateway runs behind a
proxy that shares one connection among its clients. httptools cannot be used: it ends a message with an ``Upgrade``
header after the head, so that the body becomes the next request, and it passes trailer fields as header fields.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

__all__ = [
    "MAX_HEAD_BYTES",
    "MAX_HEAD_LINES",
    "BodyPart",
    "EndOfRequest",
    "RequestError",
    "RequestHead",
    "RequestParser",
]

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_HEAD_LINES: Final = 128
# A chunk of a client has no extensions, or a short one. The sum is limited, too: RFC 9112, section 7.1.1.
MAX_CHUNK_LINE_BYTES: Final = 256
MAX_CHUNK_EXTENSION_BYTES: Final = 4096

_CRLF: Final = b"\r\n"
_END_OF_HEAD: Final = b"\r\n\r\n"
# A name is a token (RFC 9110, section 5.6.2). The quantifiers are possessive, so that matching takes linear time.
_FIELDS: Final = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[^\x00-\x08\x0a-\x1f\x7f]*+\r\n)*+")
_FIELD: Final = re.compile(rb"([^:]++):([^\r]*+)\r\n")
_REQUEST_LINE: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) HTTP/(1\.[01])")
_ABSOLUTE_TARGET: Final = re.compile(rb"https?://([^/?]+)(/[^?]*)?(\?.*)?", re.IGNORECASE)
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")
_HOST: Final = re.compile(
    rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?"
)  # RFC 3986, section 3.2.2
_LENGTH: Final = re.compile(rb"[0-9]{1,18}")
_CHUNK_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;[\t\x20-\x7e\x80-\xff]*)?")


class RequestError(Exception):
    """A request is not acceptable. The connection cannot be used further.

    Attributes:
        status: The HTTP status of the response.
        reason: What is wrong with the request.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(slots=True)
class RequestHead:
    """The request line and the header fields.

    Attributes:
        method: The method.
        path: The path of the request target, not decoded.
        query: The query of the request target, not decoded.
        http_version: ``1.0`` or ``1.1``.
        headers: Names in lower case, and values.
        keep_alive: Whether the client accepts another response on this connection.
        expects_continue: Whether the client waits for ``100 Continue`` before it sends the body.
        opens_websocket: Whether the request is the opening handshake of a WebSocket. The next bytes are not a request.
    """

    method: str
    path: bytes
    query: bytes
    http_version: str
    headers: list[tuple[bytes, bytes]]
    keep_alive: bool
    expects_continue: bool
    opens_websocket: bool


@dataclass(slots=True)
class BodyPart:
    """The next bytes of the body, without the chunked coding."""

    data: bytes


@dataclass(slots=True)
class EndOfRequest:
    """The request is complete."""


class _State(Enum):
    HEAD = auto()
    SIZED_BODY = auto()
    CHUNK_LINE = auto()
    CHUNK = auto()
    CHUNK_END = auto()
    TRAILERS = auto()
    END = auto()


_END: Final = EndOfRequest()


class RequestParser:
    """Splits the bytes of a connection into requests.

    Call ``feed`` with the bytes that were received, then ``next_event`` until it returns None.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._state = _State.HEAD
        self._searched_bytes = 0
        self._skipped_empty_line = False
        self._remaining_bytes = 0
        self._extension_bytes = 0
        self._trailer_bytes = 0
        self._trailer_lines = 0

    @property
    def buffered_bytes(self) -> int:
        """Number of bytes that were received but not returned."""
        return len(self._buffer)

    @property
    def is_inside_body(self) -> bool:
        """Whether the head of a request was returned, and the end of its body was not."""
        return self._state is not _State.HEAD

    def feed(self, data: bytes) -> None:
        """Add bytes that were received."""
        self._buffer += data

    def discard(self) -> bytes:
        """Remove and return all bytes that were received but not returned."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._searched_bytes = 0
        return rest

    def next_event(self) -> RequestHead | BodyPart | EndOfRequest | None:
        """Return the next part of a request, or None if more bytes are needed.

        Raises:
            RequestError: The request is malformed, ambiguous or too large. Do not call the parser again.
        """
        while True:
            match self._state:
                case _State.HEAD:
                    return self._read_head()
                case _State.SIZED_BODY | _State.CHUNK:
                    return self._read_body()
                case _State.CHUNK_LINE:
                    if not self._read_chunk_line():
                        return None
                case _State.CHUNK_END:
                    if not self._read_chunk_end():
                        return None
                case _State.TRAILERS:
                    if not self._read_trailer():
                        return None
                case _State.END:
                    self._state = _State.HEAD
                    self._skipped_empty_line = False
                    return _END

    def _read_head(self) -> RequestHead | None:
        buffer = self._buffer
        if not self._skipped_empty_line and buffer.startswith(_CRLF):  # RFC 9112, section 2.2
            del buffer[:2]
            self._skipped_empty_line = True
        end = buffer.find(_END_OF_HEAD, max(0, self._searched_bytes - 3))
        if end < 0:
            if _BARE_LF.search(buffer, max(0, self._searched_bytes - 1)):
                raise RequestError(400, "lines of the request head must end with CRLF")
            self._searched_bytes = len(buffer)
        if (end if end >= 0 else len(buffer)) > MAX_HEAD_BYTES:
            raise RequestError(431, f"the request head must be at most {MAX_HEAD_BYTES} bytes")
        if end < 0:
            return None
        line_end = buffer.find(_CRLF, 0, end)
        line, block = (
            (bytes(buffer[:end]), b"")
            if line_end < 0
            else (bytes(buffer[:line_end]), bytes(buffer[line_end + 2 : end + 2]))
        )
        del buffer[: end + 4]
        self._searched_bytes = 0
        if block.count(_CRLF) > MAX_HEAD_LINES:
            raise RequestError(431, f"the request head must have at most {MAX_HEAD_LINES} header lines")
        return self._parse_head(line, block)

    def _parse_head(self, line: bytes, block: bytes) -> RequestHead:
        match = _REQUEST_LINE.fullmatch(line)
        if match is None:
            raise RequestError(400, "the request line must be: METHOD TARGET HTTP/1.1")
        method, target, version = match.groups()
        headers = _parse_fields(block)
        fields = _Fields(headers)
        path, query = _parse_target(target)
        if (authority := _find_authority(target)) is not None and len(fields.get(b"host")) == 1:
            # It replaces the Host field (RFC 9112, section 3.2.2).
            headers = [(name, authority if name == b"host" else value) for name, value in headers]
            fields = _Fields(headers)
        _check_host(fields.get(b"host"), version)
        self._start_body(fields, version)
        connection = _split_list(fields.get(b"connection"))
        if b"upgrade" in connection and method != b"GET" and _requests_websocket(fields):
            raise RequestError(400, "a WebSocket handshake must be a GET request")
        return RequestHead(
            method=method.decode("ascii"),
            path=path,
            query=query,
            http_version=version.decode("ascii"),
            headers=headers,
            keep_alive=version == b"1.1" and b"close" not in connection,
            expects_continue=_expects_continue(fields.get(b"expect"), version),
            opens_websocket=(
                b"upgrade" in connection
                and method == b"GET"
                and version == b"1.1"
                and self._state is _State.END
                and _is_websocket_handshake(fields)
            ),
        )

    def _start_body(self, fields: _Fields, version: bytes) -> None:
        """Find out how the end of the body is found (RFC 9112, section 6.3)."""
        codings, lengths = fields.get(b"transfer-encoding"), fields.get(b"content-length")
        if codings:
            if lengths or version == b"1.0":
                raise RequestError(400, "Transfer-Encoding requires HTTP/1.1 and no Content-Length")
            if len(codings) != 1 or codings[0].lower() != b"chunked":
                raise RequestError(501, "Transfer-Encoding must be: chunked")
            self._state, self._extension_bytes = _State.CHUNK_LINE, 0
        elif lengths:
            if len(lengths) != 1 or not _LENGTH.fullmatch(lengths[0]):
                raise RequestError(400, "Content-Length must be one decimal number")
            self._remaining_bytes = int(lengths[0])
            self._state = _State.SIZED_BODY if self._remaining_bytes else _State.END
        else:
            self._state = _State.END

    def _read_body(self) -> BodyPart | None:
        if not self._buffer:
            return None
        data = bytes(self._buffer[: self._remaining_bytes])
        del self._buffer[: len(data)]
        self._remaining_bytes -= len(data)
        if not self._remaining_bytes:
            self._state = _State.END if self._state is _State.SIZED_BODY else _State.CHUNK_END
        return BodyPart(data)

    def _read_chunk_line(self) -> bool:
        line = self._read_line(MAX_CHUNK_LINE_BYTES)
        if line is None:
            return False
        match = _CHUNK_LINE.fullmatch(line)
        if match is None:
            raise RequestError(400, "the size of a chunk must be a hexadecimal number")
        self._extension_bytes += len(match[2] or b"")
        if self._extension_bytes > MAX_CHUNK_EXTENSION_BYTES:
            raise RequestError(400, f"chunk extensions must be at most {MAX_CHUNK_EXTENSION_BYTES} bytes")
        self._remaining_bytes = int(match[1], 16)
        if self._remaining_bytes:
            self._state = _State.CHUNK
        else:
            self._state, self._trailer_bytes, self._trailer_lines = _State.TRAILERS, 0, 0
        return True

    def _read_chunk_end(self) -> bool:
        if len(self._buffer) < 2 and _CRLF.startswith(self._buffer):
            return False
        if not self._buffer.startswith(_CRLF):
            raise RequestError(400, "a chunk must end with CRLF")
        del self._buffer[:2]
        self._state = _State.CHUNK_LINE
        return True

    def _read_trailer(self) -> bool:
        """Check one trailer field and ignore it: a trailer must not become a header field (RFC 9110, section 6.5.1)."""
        line = self._read_line(MAX_HEAD_BYTES)
        if line is None:
            return False
        if not line:
            self._state = _State.END
            return True
        self._trailer_bytes += len(line)
        self._trailer_lines += 1
        if self._trailer_bytes > MAX_HEAD_BYTES or self._trailer_lines > MAX_HEAD_LINES:
            raise RequestError(431, f"trailers must be at most {MAX_HEAD_BYTES} bytes in {MAX_HEAD_LINES} lines")
        _parse_fields(line + _CRLF)
        return True

    def _read_line(self, max_bytes: int) -> bytes | None:
        """Remove and return the next line without its CRLF, or return None if it is not complete."""
        buffer = self._buffer
        end = buffer.find(b"\n", self._searched_bytes)
        if (len(buffer) if end < 0 else end - 1) > max_bytes:
            raise RequestError(400, f"a line of the body coding must be at most {max_bytes} bytes")
        if end < 0:
            self._searched_bytes = len(buffer)
            return None
        self._searched_bytes = 0
        if end == 0 or buffer[end - 1] != 0x0D:
            raise RequestError(400, "lines of the body coding must end with CRLF")
        line = bytes(buffer[: end - 1])
        del buffer[: end + 1]
        return line


class _Fields:
    """The values of header fields by name."""

    def __init__(self, headers: list[tuple[bytes, bytes]]) -> None:
        self._headers = headers
        self._last = dict(headers)
        self._are_unique = len(self._last) == len(headers)

    def get(self, name: bytes) -> list[bytes]:
        """Return the values of a field in their order."""
        if name not in self._last:
            return []
        if self._are_unique:
            return [self._last[name]]
        return [value for other, value in self._headers if other == name]


def _parse_fields(block: bytes) -> list[tuple[bytes, bytes]]:
    # A line that starts with white space continues the previous one (obs-fold). No client has to send it.
    if not _FIELDS.fullmatch(block):
        raise RequestError(400, "header lines must be: NAME: VALUE, without control characters")
    return [(name.lower(), value.strip(b" \t")) for name, value in _FIELD.findall(block)]


def _parse_target(target: bytes) -> tuple[bytes, bytes]:
    """Return the path and the query."""
    if b"#" in target:
        raise RequestError(400, "the request target must not have a fragment")
    if target.startswith(b"/"):
        path, _, query = target.partition(b"?")
        return path, query
    match = _ABSOLUTE_TARGET.fullmatch(target)
    if match is None:
        raise RequestError(400, "the request target must be a path or an http URL")
    return match[2] or b"/", (match[3] or b"?")[1:]


def _find_authority(target: bytes) -> bytes | None:
    match = None if target.startswith(b"/") else _ABSOLUTE_TARGET.fullmatch(target)
    return None if match is None else match[1]


def _check_host(hosts: list[bytes], version: bytes) -> None:
    if len(hosts) > 1 or (version == b"1.1" and not hosts):  # RFC 9112, section 3.2
        raise RequestError(400, "the request must have one Host header")
    if hosts and not _HOST.fullmatch(hosts[0]):
        raise RequestError(400, "the Host header must be a host name or an address, and an optional port")


def _expects_continue(values: list[bytes], version: bytes) -> bool:
    if version == b"1.0" or not values:  # RFC 9110, section 10.1.1: ignored in HTTP/1.0
        return False
    if len(values) != 1 or values[0].lower() != b"100-continue":
        raise RequestError(417, "Expect must be: 100-continue")
    return True


def _requests_websocket(fields: _Fields) -> bool:
    return [value.lower() for value in fields.get(b"upgrade")] == [b"websocket"]


def _is_websocket_handshake(fields: _Fields) -> bool:
    """Whether the fields are those of RFC 6455, section 4.2.1."""
    return (
        _requests_websocket(fields)
        and fields.get(b"sec-websocket-version") == [b"13"]
        and len(fields.get(b"sec-websocket-key")) == 1
        and not fields.get(b"content-length")
    )


def _split_list(values: list[bytes]) -> set[bytes]:
    return {item.strip(b" \t").lower() for value in values for item in value.split(b",")}
