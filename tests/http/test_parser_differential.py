"""The parser against h11: which requests they accept, which they reject, and where a request ends."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.http.request_parser import RequestError
from tests.http.parsed_requests import ParsedRequest, describe, parse_requests, parse_requests_with_h11
from tests.http.raw_requests import MORE_EXAMPLES, connections, valid_requests

#: What we reject and h11 accepts: the reason of our error, and why.
STRICTER = {
    "lines of the request head must end with CRLF": "RFC 9112, 2.2 permits a lone LF; proxies disagree about it",
    "lines of the body coding must end with CRLF": "the same in a chunked body",
    "header lines must be: NAME: VALUE, without control characters": "obs-fold must be rejected or replaced (5.2); "
    "h11 permits control characters in values, for cookies of an old Google Analytics",
    "the request must have one Host header": "h11 permits it to be repeated in HTTP/1.0",
    "the Host header must be a host name or an address, and an optional port": "h11 does not check the value (3.2)",
    "Transfer-Encoding requires HTTP/1.1 and no Content-Length": "may be rejected (6.3); h11 ignores Content-Length",
    "Content-Length must be one decimal number": "a list of the same number may be rejected (6.3)",
    "the request target must not have a fragment": "no form of a target has one (3.2)",
    "the request target must be a path or an http URL": "`*` and CONNECT, which the gateway does not support",
    "Expect must be: 100-continue": "other expectations may be rejected (RFC 9110, 10.1.1)",
    "the request line must be: METHOD TARGET HTTP/1.1": "h11 accepts every version, and methods of any length",
    "the size of a chunk must be a hexadecimal number": "h11 accepts 20 digits, and control characters in extensions",
}

#: What we accept and h11 rejects: a sign of it in the request, and why.
LAXER: dict[str, Callable[[bytes], object]] = {
    "one empty line before a request is ignored (2.2)": re.compile(rb"(?:^|\n|[^\r\n])\r\n[^\r\n]* HTTP/1").search,
    "white space before a chunk extension (7.1.1)": re.compile(rb"[0-9A-Fa-f][ \t]+;").search,
    "`.` of h11 does not match all bytes of a chunk extension": re.compile(rb";[^\r\n]*[\x85\n]").search,
}


def compare(data: bytes) -> None:
    """Fail unless both parsers find the same requests, or differ as the tables permit."""
    ours, our_error = parse_requests(data)
    theirs, their_error = parse_requests_with_h11(data)
    complete = [request for request in ours if request.is_complete]
    agreed = [request for request in theirs if request.is_complete]
    count = min(len(complete), len(agreed))
    assert [normalise(request) for request in complete[:count]] == [normalise(request) for request in agreed[:count]]
    if our_error is None and their_error is None:
        assert describe(ours) == describe([normalise(request) for request in theirs]), "they end at different places"
    elif our_error is None:
        if len(ours) > len(theirs) or not has_ended(ours):
            assert any(is_present(data) for is_present in LAXER.values()), f"only h11 rejects it: {their_error}"
    elif their_error is None:
        assert is_explained(our_error), f"only we reject it: {our_error}"


def normalise(request: ParsedRequest) -> ParsedRequest:
    """Return a request as our parser describes it, except that Transfer-Encoding is in lower case, as in h11."""
    match = re.fullmatch(rb"(?:https?://([^/?]+))?(/[^?]*)?(\?.*)?", request.target, re.IGNORECASE)
    if match is None:
        return request
    authority = match[1]

    def normalise_value(name: bytes, value: bytes) -> bytes:
        if name == b"host" and authority:
            return authority
        return value.lower() if name == b"transfer-encoding" else value

    headers = [(name, normalise_value(name, value)) for name, value in request.headers]
    query = match[3] if match[3] and match[3] != b"?" else b""
    return ParsedRequest(request.method, (match[2] or b"/") + query, headers, request.body, request.is_complete)


def has_ended(requests: list[ParsedRequest]) -> bool:
    """Whether the last request ended the connection, so that the rest was not parsed."""
    return bool(requests) and requests[-1].is_complete


def is_explained(error: RequestError) -> bool:
    return error.status == 431 or error.reason in STRICTER


@settings(max_examples=1500 * MORE_EXAMPLES, deadline=None)
@given(data=connections)
@example(data=b"POST / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello")
@example(data=b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n")
@example(data=b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: y\r\n\r\nGET / HTTP/1.1\r\n")
def test_parser_and_h11_find_the_same_requests(data: bytes) -> None:
    compare(data)


@settings(max_examples=400 * MORE_EXAMPLES, deadline=None)
@given(requests=st.lists(valid_requests(), min_size=1, max_size=3))
def test_parser_and_h11_accept_valid_requests(requests: list[bytes]) -> None:
    data = b"".join(requests)
    ours, our_error = parse_requests(data)
    theirs, their_error = parse_requests_with_h11(data)
    assert (our_error, their_error) == (None, None)
    assert ours == [normalise(request) for request in theirs]
    assert len(ours) == len(requests)


@settings(max_examples=400 * MORE_EXAMPLES, deadline=None)
@given(data=connections, cuts=st.lists(st.integers(0, 400), max_size=5))
def test_requests_do_not_depend_on_the_pieces_in_which_they_arrive(data: bytes, cuts: list[int]) -> None:
    positions = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    pieces = [data[start:end] for start, end in itertools.pairwise(positions)]
    whole, whole_error = parse_requests(data)
    parts, parts_error = parse_requests(*pieces)
    assert describe(parts) == describe(whole)
    assert (parts_error is None) == (whole_error is None)
