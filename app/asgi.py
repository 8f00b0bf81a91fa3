"""Entry point of the gateway: ``gunicorn "app.asgi:create()"`` with the worker and logger classes of this module."""

from __future__ import annotations

import gc
from typing import Any, Final

import structlog
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from uvicorn_worker import UvicornWorker

from app.config import ConfigurationError, Settings, read_settings
from app.http.http_protocol import BoundedHttpProtocol, BoundedWebSocketProtocol
from app.logs import configure_logging, create_log_handler, set_log_level
from app.parent_process import stop_with_parent
from app.wiring.gateway import check_languages, create_api

__all__ = ["KEEP_ALIVE_SECONDS", "GunicornLogger", "Worker", "create"]

#: More than the default of common clients and load balancers: 60 s for nginx as a proxy and for AWS ALB.
KEEP_ALIVE_SECONDS: Final = 75

_GC_THRESHOLD: Final = 20_000

_log = structlog.get_logger(__name__)


class Worker(UvicornWorker):  # type: ignore[misc]  # the package has no types
    """gunicorn worker that runs uvicorn with safe options.

    - Forwarded headers are ignored: a client could evade the rate limit with them.
    - The size of a WebSocket frame is limited before it is read into memory. The limit of a message is lower.
    - An idle connection is closed after KEEP_ALIVE_SECONDS, not after gunicorn's 2 s. Clients and load balancers reuse
      a connection for up to a minute, and a request that is sent while the server closes it gets no response.
    - WebSocket messages are not compressed: a compressor takes 30 kB for each idle connection.
    """

    CONFIG_KWARGS = {  # noqa: RUF012 - the name and type are uvicorn's
        "loop": "uvloop",
        "http": BoundedHttpProtocol,
        "ws": BoundedWebSocketProtocol,
        "proxy_headers": False,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
        "ws_max_size": 256 * 1024,
        "ws_per_message_deflate": False,
    }

    def init_process(self) -> None:
        """Run the server until gunicorn's main process stops it or exits."""
        stop_with_parent(self.ppid)
        super().init_process()


class GunicornLogger(Logger):  # type: ignore[misc]  # the package has no types
    """gunicorn logger that writes the log lines of gunicorn and uvicorn in the form of all other log lines.

    It is the first object that gunicorn creates. So it also checks the configuration: nothing has started yet, and the
    invalid settings are the last lines of the log.
    """

    def setup(self, cfg: Any) -> None:
        """Configure the logger in the parent process. Its children inherit the handler."""
        super().setup(cfg)
        self.error_log.handlers = [create_log_handler()]
        configure_logging()
        _read_valid_settings()


def create() -> Any:
    """Create the ASGI application with the settings of the environment.

    Raises:
        SystemExit: A setting or a language file is invalid. The log names each invalid variable or field.
    """
    configure_logging()
    api = create_api(_read_valid_settings())
    _reduce_garbage_collections()
    return api


def _reduce_garbage_collections() -> None:
    """Exclude all loaded objects from garbage collection and collect less often: requests create hardly any cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)


def _read_valid_settings() -> Settings:
    try:
        settings = read_settings()
        check_languages(settings)
        set_log_level(settings.log_level)
        return settings
    except ConfigurationError as e:
        for problem in str(e).splitlines():
            _log.critical("configuration_invalid", error=problem)
        # gunicorn does not start a process again after this status.
        raise SystemExit(Arbiter.APP_LOAD_ERROR) from None
