"""HTTP client for webhooks. It connects only to addresses that were checked and never follows a redirect."""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

import httpx

from app.core.errors import WebhookUndelivered
from app.core.job.webhooks import is_public

__all__ = ["TIMEOUT_SECONDS", "Resolver", "resolve_host", "send_webhook"]

#: Limit of one request.
TIMEOUT_SECONDS: Final = 10.0
_MAX_ADDRESSES: Final = 4

Resolver = Callable[[str, int], Sequence[str]]


def resolve_host(host: str, port: int) -> Sequence[str]:
    """Return the IP addresses of a host, in the order of getaddrinfo. Raises OSError."""
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for _, _, _, _, sockaddr in infos]


def send_webhook(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    allow_private: bool,
    method: str = "POST",
    resolve: Resolver = resolve_host,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> None:
    """Send a JSON body. Only the status line and the headers of the response are read.

    Args:
        url: Target, ``http`` or ``https``.
        headers: Headers in addition to those of every webhook.
        body: The JSON document.
        allow_private: Whether the host may resolve to private addresses.
        method: HTTP method.
        resolve: Resolves the host. It is called once, so that the address cannot change after the check.
        timeout_seconds: Limit for the whole request, excluding the resolution of the host.

    Raises:
        WebhookUndelivered: The response was not a 2xx, or there was none.
    """
    host = urlsplit(url).hostname or ""
    try:
        target = httpx.URL(url)
        addresses = resolve(host, target.port or (443 if target.scheme == "https" else 80))
        _check_addresses(host, addresses, allow_private)
        request = _request_status(method, target, headers, body, _select_addresses(addresses), timeout_seconds)
        status = asyncio.run(request)
    except (OSError, UnicodeError, httpx.HTTPError, httpx.InvalidURL) as e:
        raise WebhookUndelivered(f"{host}: {type(e).__name__}: {e}") from e
    if not 200 <= status < 300:
        raise WebhookUndelivered(f"{host} answered with status {status}")


def _check_addresses(host: str, addresses: Sequence[str], allow_private: bool) -> None:
    """Reject a host if any of its addresses is private: a mixed answer is an attempt to reach the internal network."""
    for address in addresses:
        if not allow_private and not is_public(ipaddress.ip_address(address.partition("%")[0])):
            raise WebhookUndelivered(f"{host} resolves to a private address")
    if not addresses:
        raise WebhookUndelivered(f"{host} resolves to no address")


def _select_addresses(addresses: Sequence[str]) -> Sequence[str]:
    """Return the addresses to try: IPv6 and IPv4 in turn, so that one of them may be unreachable as a whole."""
    families = [
        [address for address in dict.fromkeys(addresses) if (":" in address) is is_ipv6] for is_ipv6 in (True, False)
    ]
    if addresses and ":" not in addresses[0]:
        families.reverse()
    alternating = [address for pair in itertools.zip_longest(*families) for address in pair if address is not None]
    return alternating[:_MAX_ADDRESSES]


async def _request_status(
    method: str,
    url: httpx.URL,
    headers: Mapping[str, str],
    body: bytes,
    addresses: Sequence[str],
    timeout_seconds: float,
) -> int:
    # The timeouts of httpx apply to single operations, asyncio's to the whole request. Each address gets an equal share
    # of the time, and one share is left for the request.
    timeout = httpx.Timeout(timeout_seconds, connect=timeout_seconds / (len(addresses) + 1))
    common = {"User-Agent": "pyxec-webhook", "Content-Type": "application/json", "Connection": "close"}
    transport = _CheckedAddressTransport(addresses, uses_tls=url.scheme == "https")
    async with (
        asyncio.timeout(timeout_seconds),
        httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False) as client,
        client.stream(method, url, content=body, headers={**common, **headers}) as response,
    ):
        return response.status_code


class _CheckedAddressTransport(httpx.AsyncBaseTransport):
    """Transport that connects to given addresses instead of resolving the host, and tries each in turn."""

    def __init__(self, addresses: Sequence[str], *, uses_tls: bool) -> None:
        self._addresses = addresses
        # The certificates of the system, not those that are bundled with httpx. Loading them takes about 25 ms.
        verify = ssl.create_default_context() if uses_tls else False
        self._transport = httpx.AsyncHTTPTransport(verify=verify, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # TLS verifies the certificate for the host of the URL, although the connection is to an address.
        extensions = {**request.extensions, "sni_hostname": request.url.raw_host.decode("ascii")}
        errors: list[httpx.TransportError] = []
        for address in self._addresses:
            url = request.url.copy_with(host=address)
            try:
                return await self._transport.handle_async_request(
                    httpx.Request(
                        request.method, url, headers=request.headers, stream=request.stream, extensions=extensions
                    )
                )
            except (httpx.ConnectError, httpx.ConnectTimeout) as e:
                errors.append(e)
        raise errors[-1]

    async def aclose(self) -> None:
        await self._transport.aclose()
