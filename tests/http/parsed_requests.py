"""The requests that a parser finds in the bytes of a connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import h11

from app.http.request_parser import BodyPart, RequestError, RequestHead, RequestParser

MAX_H11_BYTES = 1 << 20


@dataclass
class ParsedRequest:
    """A request. ``target`` is as it was sent, except that an absolute target has lost its scheme and authority."""

    method: str
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    is_complete: bool = False


def parse_requests(*pieces: bytes) -> tuple[list[ParsedRequest], RequestError | None]:
    """Return the requests of a connection, and the error that ended it. ``pieces`` arrive one after the other."""
    parser, requests = RequestParser(), []
    try:
        for piece in pieces:
            parser.feed(piece)
            while (event := parser.next_event()) is not None:
                match event:
                    case RequestHead():
                        target = event.path + (b"?" + event.query if event.query else b"")
                        requests.append(ParsedRequest(event.method, target, event.headers))
                        keep_alive = event.keep_alive
                        if event.opens_websocket:
                            requests[-1].is_complete = True
                            return requests, None
                    case BodyPart(data):
                        requests[-1].body += data
                    case _:
                        requests[-1].is_complete = True
                        if not keep_alive:
                            return requests, None
    except RequestError as e:
        return requests, e
    return requests, None


def parse_requests_with_h11(data: bytes) -> tuple[list[ParsedRequest], h11.RemoteProtocolError | None]:
    """Return the requests that h11 finds, and the error that ended the connection."""
    connection, requests = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_H11_BYTES), []
    connection.receive_data(data)
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                requests.append(ParsedRequest(event.method.decode(), event.target, list(event.headers)))
            elif isinstance(event, h11.Data):
                requests[-1].body += event.data
            elif isinstance(event, h11.EndOfMessage):
                requests[-1].is_complete = True
                if not _start_next_request(connection):
                    return requests, None
            else:
                return requests, None
    except h11.RemoteProtocolError as e:
        return requests, e


def _start_next_request(connection: h11.Connection) -> bool:
    """Respond with an error, which declines every upgrade. Returns whether the connection continues."""
    connection.send(h11.Response(status_code=400, headers=[("Content-Length", "0")]))
    connection.send(h11.EndOfMessage())
    if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
        return False
    connection.start_next_cycle()
    return True


def describe(requests: Sequence[ParsedRequest]) -> list[tuple[str, bytes, bytes, bool]]:
    """Return everything but the headers."""
    return [(request.method, request.target, request.body, request.is_complete) for request in requests]
