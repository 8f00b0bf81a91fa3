"""Sends requests from threads."""

from __future__ import annotations

import time
from typing import TypeVar

import httpx

from pyxec.calls import Call, Reply
from pyxec.connection import Connection
from pyxec.errors import RequestRefused, ServiceUnreachable

__all__ = ["Transport"]

T = TypeVar("T")


class Transport:
    """For any number of threads."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._http = httpx.Client(**connection.http_options())

    def send(self, call: Call[T]) -> T:
        """The answer, after as many attempts as it takes and the patience allows. Raises a PyxecError."""
        patience = self.connection.patience()
        while True:
            try:
                return call.read(self._send_once(call))
            except (RequestRefused, ServiceUnreachable) as e:
                time.sleep(self.connection.pause_after(call, e, patience))

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def _send_once(self, call: Call[T]) -> Reply:
        try:
            response = self._http.request(**self.connection.request_options(call))
        except httpx.TransportError as e:
            raise self.connection.unreachable(e) from e
        return self.connection.answered(response)
