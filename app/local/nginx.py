"""The web server of this machine: `python -m app.local.nginx` becomes nginx, in the foreground, with a configuration of
its own below ``.pyxec/``. Nothing of the system's own nginx is touched."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Mapping
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from app.config import read_settings
from app.local.address import service_url, web_url
from app.local.errors import SetupError, exit_with
from app.local.packages import install_packages, why_not_installable
from app.local.state import StateFolder
from app.local.steps import Step

__all__ = ["configuration", "ensure_nginx", "find_nginx"]

_TEMPLATE = Path("deploy/nginx/nginx.conf.template")
_PACKAGES = ("nginx-light", "libnginx-mod-http-brotli-static")
_BROTLI_MODULE = Path("/usr/lib/nginx/modules/ngx_http_brotli_static_module.so")
# Longer than the heartbeats of silent streams, and than the API needs to refuse a wait that is over.
_LEAST_READ_SECONDS = 75
_WAIT_MARGIN_SECONDS = 15
# The API closes a connection that was idle for 2 s. Whoever reuses it in that very moment gets no answer, and nothing
# is sent twice here: so we close it before.
_KEPT_CONNECTIONS = "keepalive 32; keepalive_timeout 1s;"


def find_nginx() -> str | None:
    """The nginx of this machine; for ordinary users its folder is not always on the path."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def ensure_nginx(state: StateFolder, step: Step) -> None:
    """Install nginx where it is missing and that can be done.

    Raises:
        SetupError: it is missing and cannot be installed.
    """
    if find_nginx() is not None:
        return
    obstacle = why_not_installable()
    if obstacle:
        raise SetupError(f"missing: nginx, for the web editor; install it ({obstacle}, so we cannot)")
    install_packages(_PACKAGES, state.log("apt"), step)


def configuration(root: Path, folder: Path, environment: Mapping[str, str]) -> str:
    """The whole configuration file, for the page in `root` and temporary files in `folder`.

    Raises:
        SetupError: an address is wrong.
    """
    settings = read_settings(environment)
    has_brotli = _BROTLI_MODULE.exists()
    return Template((root / _TEMPLATE).read_text()).safe_substitute(
        MODULES=f"load_module {_BROTLI_MODULE};" if has_brotli else "",
        USER=_user_line(root),
        RUN=folder,
        ROOT=root / "web" / "dist",
        LISTEN=urlsplit(web_url(environment)).netloc,
        API_PEERS=f"upstream api {{ server {urlsplit(service_url(environment)).netloc}; {_KEPT_CONNECTIONS} }}",
        API_URL="http://api",
        FORWARDED_FOR="$proxy_add_x_forwarded_for",
        MAX_BODY_BYTES=settings.max_body_bytes,
        READ_SECONDS=max(_LEAST_READ_SECONDS, round(settings.max_wait_seconds) + _WAIT_MARGIN_SECONDS),
        BROTLI="brotli_static on;" if has_brotli else "",
    )


def _user_line(root: Path) -> str:
    """As root, its workers become whoever owns the checkout: anyone else might not be able to read it."""
    if os.geteuid() != 0:
        return ""
    return f"user {pwd.getpwuid(root.stat().st_uid).pw_name};"


def main() -> None:
    """Replace this process by nginx, so that a signal meant for it reaches it."""
    root = Path.cwd()
    folder = StateFolder.of_repository(root).data("nginx")
    path = folder / "nginx.conf"
    nginx = find_nginx()
    try:
        if nginx is None:
            raise SetupError("nginx is missing")
        path.write_text(configuration(root, folder, os.environ))
    except SetupError as e:
        exit_with(e)
    os.execv(nginx, [nginx, "-e", "stderr", "-p", str(folder), "-c", str(path), "-g", "daemon off;"])  # noqa: S606 - a shell in between would swallow the signals


if __name__ == "__main__":
    main()
