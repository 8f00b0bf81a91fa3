"""Entry point of workers, ``python -m app.worker``, and of schedulers, ``periodiq app.worker:setup``.

``python -m app.worker`` takes the options of Dramatiq's command. It checks the configuration and then starts the worker
processes of ``dramatiq app.worker:setup``. Without this check, an invalid setting is reported after two seconds: a
worker process imports the whole service, and Dramatiq's main process looks for ended processes once per second.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import sys
from pathlib import Path

import dramatiq
import structlog
from dramatiq import cli

from app.config import ConfigurationError, Settings, read_settings
from app.core.errors import EngineUnavailable
from app.logs import configure_logging, set_log_level
from app.parent_process import stop_with_parent
from app.sandbox.engine_availability import EXIT_STATUS, check_at_start
from app.sandbox.images.catalogue import CatalogueError, load_languages
from app.store.keys import JOBS_QUEUE
from app.wiring.host_check import create_host_check

__all__ = ["main", "setup"]

_BROKER = "app.worker:setup"
_CHECK = "--check"
_log = structlog.get_logger(__name__)


def setup() -> None:
    """Configure logging and set Dramatiq's global broker, with the settings of the environment.

    Raises:
        SystemExit: A setting is invalid. The log names each invalid variable.
    """
    configure_logging()
    # A scheduler has no parent of this kind.
    if (parent := multiprocessing.parent_process()) is not None and parent.pid is not None:
        stop_with_parent(parent.pid)
    settings = _read_valid_settings()
    # These imports take most of the time of a start.
    from app.wiring.worker import create_broker

    dramatiq.set_broker(create_broker(settings))


def main() -> None:
    """Check the configuration, then run Dramatiq's command. With ``--check`` as the only option, only check.

    Raises:
        SystemExit: A setting is invalid, or the worker runs jobs and a language file is invalid or its engine does not
            meet the requirements. The log states what to do.
    """
    only_checks = sys.argv[1:] == [_CHECK]
    # Dramatiq executes these arguments again when it receives SIGHUP.
    options = [] if only_checks else sys.argv[1:]
    sys.argv = [str(Path(sys.executable).with_name("dramatiq")), _BROKER, *options]
    arguments = cli.make_argument_parser().parse_args()  # type: ignore[no-untyped-call]
    configure_logging()
    settings = _read_valid_settings()
    if not arguments.queues or JOBS_QUEUE in arguments.queues:
        _check_languages(settings)
        with contextlib.suppress(EngineUnavailable):  # the worker waits for the engine
            check_at_start(settings.docker_host, settings.container_runtime, create_host_check(settings))
    if not only_checks:
        sys.exit(cli.main(arguments))  # type: ignore[no-untyped-call]


def _read_valid_settings() -> Settings:
    try:
        settings = read_settings()
        set_log_level(settings.log_level)
        return settings
    except ConfigurationError as e:
        for problem in str(e).splitlines():
            _log.critical("configuration_invalid", error=problem)
        raise SystemExit(EXIT_STATUS) from None


def _check_languages(settings: Settings) -> None:
    try:
        load_languages(*settings.language_folders)
    except CatalogueError as e:
        _log.critical("configuration_invalid", error=str(e))
        raise SystemExit(EXIT_STATUS) from None


if __name__ == "__main__":
    main()
