"""The web server: `python -m app.local.nginx` runs nginx in the foreground, with its configuration in ``.pyxec/``.

The configuration of the system's nginx is not changed.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from app.config import read_settings
from app.local.address import service_url, web_url
from app.local.console import SetupError, Step, exit_on_error
from app.local.packages import PACKAGES, find_install_obstacle, find_program, install_packages
from app.local.state import StateFolder

__all__ = ["API_SOCKET", "create_api_socket_folder", "create_configuration", "ensure_nginx"]

#: Name of the socket of the API, below the folder that ``create_api_socket_folder`` returns.
API_SOCKET = "socket"

_TEMPLATE = Path("deploy/nginx/nginx.conf.template")
_BROTLI_MODULE = Path("/usr/lib/nginx/modules/ngx_http_brotli_static_module.so")
# Silent streams send heartbeats more often than this.
_MIN_READ_SECONDS = 75
# Time that the API needs to respond after the maximum `?wait=`.
_WAIT_MARGIN_SECONDS = 15
# The API closes a connection that was idle for 75 s (app/asgi.py). If nginx reused it at that moment, the request would
# fail, because nginx does not send it again. So nginx closes idle connections first.
_KEEPALIVE = "keepalive 32; keepalive_timeout 30s;"


def ensure_nginx(state: StateFolder, step: Step) -> None:
    """Install nginx if it is missing.

    Raises:
        SetupError: It is missing and cannot be installed.
    """
    if find_program("nginx") is not None:
        return
    obstacle = find_install_obstacle()
    if obstacle:
        raise SetupError(f"missing: nginx, which serves the web page. Install it ({obstacle})")
    install_packages(PACKAGES["nginx"], state.log("apt"), step)


def create_configuration(root: Path, folder: Path, environment: Mapping[str, str]) -> str:
    """Return the content of nginx.conf.

    Args:
        root: Checkout with the template and the built page.
        folder: Folder for temporary files and the pid file.
        environment: Settings of the service, ``PYXEC_WEB_BIND``, ``PYXEC_HTTP_BIND`` and ``PYXEC_HTTP_SOCKET``. The
            socket takes precedence over the address.

    Raises:
        SetupError: An address is invalid.
        app.config.ConfigurationError: A setting is invalid.
    """
    settings = read_settings(environment)
    has_brotli = _BROTLI_MODULE.exists()
    return Template((root / _TEMPLATE).read_text()).safe_substitute(
        MODULES=f"load_module {_BROTLI_MODULE};" if has_brotli else "",
        USER=_user_directive(root),
        RUN=folder,
        ROOT=root / "web" / "dist",
        LISTEN=urlsplit(web_url(environment)).netloc,
        API_PEERS=f"upstream api {{ server {_api_address(environment)}; {_KEEPALIVE} }}",
        API_URL="http://api",
        FORWARDED_FOR="$proxy_add_x_forwarded_for",
        MAX_BODY_BYTES=settings.max_body_bytes,
        FRAME_ANCESTORS=settings.frame_ancestors or "'none'",
        READ_SECONDS=max(_MIN_READ_SECONDS, round(settings.max_wait_seconds) + _WAIT_MARGIN_SECONDS),
        BROTLI="brotli_static on;" if has_brotli else "",
    )


def create_api_socket_folder(root: Path) -> Path:
    """Return the folder of the socket of the API. Only root and the user of nginx can open a socket in it."""
    folder = StateFolder.for_checkout(root).data("api")
    folder.chmod(0o700)
    if os.geteuid() == 0:
        owner = root.stat()
        os.chown(folder, owner.st_uid, owner.st_gid)
    return folder


def _api_address(environment: Mapping[str, str]) -> str:
    """Return the address of an upstream server of nginx. The path of a socket is relative to the checkout."""
    path = environment.get("PYXEC_HTTP_SOCKET")
    return f"unix:{path}" if path else urlsplit(service_url(environment)).netloc


def _user_directive(root: Path) -> str:
    """Return the ``user`` directive. The workers of a root nginx run as the owner of the checkout, to read the page."""
    if os.geteuid() != 0:
        return ""
    return f"user {pwd.getpwuid(root.stat().st_uid).pw_name};"


def main() -> None:
    """Replace this process by nginx, so that nginx receives the supervisor's signals."""
    root = Path.cwd()
    folder = StateFolder.for_checkout(root).data("nginx")
    path = folder / "nginx.conf"
    with exit_on_error():
        nginx = find_program("nginx")
        if nginx is None:
            raise SetupError("nginx is missing")
        path.write_text(create_configuration(root, folder, os.environ))
    os.execv(nginx, [nginx, "-e", "stderr", "-p", str(folder), "-c", str(path), "-g", "daemon off;"])  # noqa: S606 - no shell


if __name__ == "__main__":
    main()
