"""A page that contains only xterm.js, connected to `cat` of a file in a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Final

from playwright.sync_api import Page
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from tests.stack import ROOT

__all__ = ["open_plain_terminal", "serve_cat", "show_file"]

_PACKAGE: Final = ROOT / "web/node_modules/@xterm/xterm"
_READ_BYTES: Final = 64 * 1024
_OPEN: Final = """scrollback => {
  const element = document.createElement('div')
  document.body.append(element)
  window.terminal = new Terminal({ scrollback })
  terminal.open(element)
}"""
# Resolves with the time until the last frame, in milliseconds.
_SHOW: Final = """url => new Promise(resolve => {
  const startedAt = performance.now()
  const socket = new WebSocket(url)
  socket.binaryType = 'arraybuffer'
  socket.onmessage = ({ data }) => terminal.write(new Uint8Array(data))
  socket.onclose = () => terminal.write('', () => requestAnimationFrame(() => {
    resolve(performance.now() - startedAt)
  }))
})"""


def open_plain_terminal(page: Page, url: str, scrollback: int) -> None:
    """Open a page of the server with a terminal that has the default renderer and options of xterm.js."""
    # A browser permits connections to this machine only from a page that comes from it.
    page.goto(url.replace("ws:", "http:"))
    page.add_script_tag(path=_PACKAGE / "lib/xterm.js")
    page.add_style_tag(path=_PACKAGE / "css/xterm.css")
    page.evaluate(_OPEN, scrollback)


def show_file(page: Page, url: str) -> None:
    """Start to show the file. ``window.shownAfterMs`` is the time that it took."""
    page.evaluate(f"url => {{ window.shownAfterMs = null; ({_SHOW})(url).then(ms => {{ shownAfterMs = ms }}) }}", url)


@contextmanager
def serve_cat(path: Path) -> Iterator[str]:
    """Run `cat` of the file for each connection, and return the URL of the server."""

    def handle(connection: ServerConnection) -> None:
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvp("cat", ["cat", str(path)])
        with suppress(OSError):  # The terminal is closed when `cat` has ended.
            while data := os.read(terminal, _READ_BYTES):
                connection.send(data)
        os.close(terminal)
        os.waitpid(pid, 0)

    def respond(connection: ServerConnection, request: Request) -> Response | None:
        if request.headers.get("Upgrade") == "websocket":
            return None
        response = connection.respond(HTTPStatus.OK, "<!doctype html><body></body>")
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "text/html"
        return response

    with serve(handle, "127.0.0.1", 0, compression=None, process_request=respond) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/"
        server.shutdown()
        thread.join()
