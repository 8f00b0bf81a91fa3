"""The page as it is deployed: nginx with our configuration, before the API of a stack."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx
from rich.console import Console

from app.local.console import Steps
from app.local.nginx import create_configuration, ensure_nginx, find_nginx
from app.local.state import StateFolder
from app.local.web import build_page
from tests.ports import free_port
from tests.stack import ROOT, Process, Stack, eventually

__all__ = ["Site", "built_page", "serving"]


class Site:
    """One nginx before one API. ``url`` is where a browser goes."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: Process | None = None

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        config = self.folder / "nginx.conf"
        addresses = {
            "PYXEC_HTTP_BIND": f"127.0.0.1:{self.stack.port}",
            "PYXEC_WEB_BIND": f"127.0.0.1:{self.port}",
        }
        config.write_text(create_configuration(ROOT, self.folder, {**self.stack.settings, **addresses}))
        nginx = find_nginx()
        assert nginx is not None
        command = [nginx, "-e", "stderr", "-p", str(self.folder), "-c", str(config), "-g", "daemon off;"]
        self._process = self.stack.start(*command, name="nginx")
        eventually(self._answers, 10)

    def _answers(self) -> bool:
        try:
            return httpx.get(self.url, trust_env=False).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


def built_page() -> None:
    """The page of today's sources, and a web server; both are installed where they are missing."""
    state = StateFolder.of_repository(ROOT)
    with Steps(Console(stderr=True)) as steps, steps.step("web page") as step:
        ensure_nginx(state, step)
        build_page(ROOT, state, step)


@contextlib.contextmanager
def serving(stack: Stack, folder: Path) -> Iterator[Site]:
    """A site that runs; it is stopped with its stack."""
    site = Site(stack, folder)
    site.start()
    yield site
