"""The API's entry point: ``gunicorn "app.asgi:create()"`` with the worker and logger classes that are here."""

from __future__ import annotations

import gc
from typing import Any, Final

from gunicorn.glogging import Logger
from uvicorn_worker import UvicornWorker

from app.config import read_settings
from app.http.bounded_http import BoundedHttp
from app.logs import configure_logging, log_handler
from app.wiring.gateway import create_api

__all__ = ["Logs", "Worker", "create"]

_NEW_OBJECTS: Final = 20_000


class Worker(UvicornWorker):  # type: ignore[misc]  # the package has no types
    """uvicorn under gunicorn, with its defaults made safe.

    Forwarded headers are not believed here: whoever connects could dodge the rate limit with one. A WebSocket frame is
    bounded before it is in memory; the gateway's own bound on messages is lower. So are a request's head, and its time.
    Messages are not compressed: a compressor takes 30 kB for each idle socket, and time from the job that is watched.
    """

    CONFIG_KWARGS = {  # noqa: RUF012 - the name and type are uvicorn's
        "loop": "uvloop",
        "http": BoundedHttp,
        "proxy_headers": False,
        "ws_max_size": 256 * 1024,
        "ws_per_message_deflate": False,
    }


class Logs(Logger):  # type: ignore[misc]  # the package has no types
    """gunicorn's own lines, and uvicorn's below them, in the form of all others."""

    def setup(self, cfg: Any) -> None:
        """Called by gunicorn, in its parent process; its children inherit the handler."""
        super().setup(cfg)
        self.error_log.handlers = [log_handler()]


def create() -> Any:
    """The application, with its settings from the environment."""
    configure_logging()
    api = create_api(read_settings())
    _look_for_garbage_less_often()
    return api


def _look_for_garbage_less_often() -> None:
    """A request leaves hardly any cycles behind, but Python would look for them every few requests, through all that
    was ever loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
