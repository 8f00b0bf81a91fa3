"""HTTP server of a worker process for the probes of an orchestrator."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable
from http import HTTPStatus

import structlog

__all__ = ["ReadinessServer"]

_REQUEST_TIMEOUT_SECONDS = 5.0
_log = structlog.get_logger(__name__)


class ReadinessServer:
    """Service that answers ``GET /livez`` with 200, and ``GET /readyz`` with 200 or 503 and a reason.

    If the port is in use, usually by another process of the same worker, the worker runs without the server.

    Args:
        port: TCP port on all interfaces. 0 for any free port.
        find_pause_reason: Returns why the worker runs no jobs, None if it does. Called in a thread of the server.

    Attributes:
        port: The port of the server after ``start``.
    """

    def __init__(self, port: int, find_pause_reason: Callable[[], str | None]) -> None:
        self.port = port
        self._find_pause_reason = find_pause_reason
        self._server: http.server.ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Listen, and answer in threads."""
        try:
            self._server = _Server(self.port, self._find_pause_reason)
        except OSError as e:
            _log.warning("readiness_server_not_started", port=self.port, error=str(e))
            return
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, name="readiness", daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, find_pause_reason: Callable[[], str | None]) -> None:
        super().__init__(("", port), _Handler)
        self.find_pause_reason = find_pause_reason


class _Handler(http.server.BaseHTTPRequestHandler):
    timeout = _REQUEST_TIMEOUT_SECONDS
    server: _Server

    def do_GET(self) -> None:
        """Answer a probe."""
        if self.path == "/livez":
            self._send(HTTPStatus.OK, {"status": "alive"})
        elif self.path == "/readyz":
            reason = self.server.find_pause_reason()
            if reason is None:
                self._send(HTTPStatus.OK, {"status": "ready"})
            else:
                self._send(HTTPStatus.SERVICE_UNAVAILABLE, {"status": "paused", "reason": reason})
        else:
            self._send(HTTPStatus.NOT_FOUND, {"status": "not found"})

    def _send(self, status: HTTPStatus, document: dict[str, str]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: probes arrive every few seconds."""
