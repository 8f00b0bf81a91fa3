"""nginx with the configuration of the deployment, in front of the API of a stack."""

from __future__ import annotations

from pathlib import Path

import httpx
from rich.console import Console

from app.local.console import Steps
from app.local.nginx import create_configuration, ensure_nginx
from app.local.packages import find_program
from app.local.state import StateFolder
from app.local.web import build_page
from tests.ports import free_port
from tests.stack import ROOT, Stack, eventually

__all__ = ["Site", "build_page_files", "serve_page"]


class Site:
    """nginx in front of the API of a stack. ``url`` is its address."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        config = self.folder / "nginx.conf"
        addresses = {
            "PYXEC_HTTP_BIND": f"127.0.0.1:{self.stack.port}",
            "PYXEC_WEB_BIND": f"127.0.0.1:{self.port}",
        }
        config.write_text(create_configuration(ROOT, self.folder, {**self.stack.settings, **addresses}))
        nginx = find_program("nginx")
        assert nginx is not None
        command = [nginx, "-e", "stderr", "-p", str(self.folder), "-c", str(config), "-g", "daemon off;"]
        self.stack.start(*command, name="nginx")
        eventually(self._responds, 10)

    def _responds(self) -> bool:
        try:
            return httpx.get(self.url, trust_env=False).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


def build_page_files() -> None:
    """Build web/dist and install nginx, unless they are up to date."""
    state = StateFolder.for_checkout(ROOT)
    with Steps(Console(stderr=True)) as steps, steps.step("web page") as step:
        ensure_nginx(state, step)
        build_page(ROOT, state, step)


def serve_page(stack: Stack, folder: Path) -> Site:
    """Start nginx. It stops with its stack."""
    site = Site(stack, folder)
    site.start()
    return site
