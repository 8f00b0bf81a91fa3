"""The check of the engine when a worker starts."""

from __future__ import annotations

import os
import signal
import threading
from typing import Final

import structlog

from app.core.errors import EngineUnavailable, UnsupportedEngine
from app.sandbox.engine.requirements import check_engine_requirements

__all__ = ["EXIT_STATUS", "StartupCheck"]

#: EX_CONFIG of sysexits(3): the process cannot run with its configuration.
EXIT_STATUS: Final = 78
# The start of a worker waits for the response. The default time-out of the settings is longer.
_TIMEOUT_SECONDS: Final = 2.0
_RETRY_SECONDS: Final = 2.0
_log = structlog.get_logger(__name__)


class StartupCheck:
    """Service that ends the worker if its engine can never run a job.

    An engine that does not answer is an outage: the worker starts, and the check is repeated until the engine answers.

    Args:
        docker_host: Address of the engine.
        runtime: OCI runtime of the sandboxes. Empty for the engine's default.
    """

    def __init__(self, docker_host: str, runtime: str) -> None:
        self._docker_host = docker_host
        self._runtime = runtime
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="startup-check", daemon=True)

    def start(self) -> None:
        """Check the engine.

        Raises:
            SystemExit: The engine does not meet the requirements. The log states what to do.
        """
        try:
            self._check()
        except UnsupportedEngine:
            raise SystemExit(EXIT_STATUS) from None
        except EngineUnavailable as e:
            _log.warning("engine_unavailable", error=str(e))
            self._thread.start()

    def stop(self) -> None:
        """Stop the repetition."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _check(self) -> None:
        try:
            check_engine_requirements(self._docker_host, self._runtime, _TIMEOUT_SECONDS)
        except UnsupportedEngine as e:
            for sentence in str(e).splitlines():
                _log.critical("configuration_invalid", error=sentence)
            raise

    def _repeat(self) -> None:
        answered = False
        while not answered and not self._stopping.wait(_RETRY_SECONDS):
            try:
                self._check()
                answered = True
            except UnsupportedEngine:
                # Dramatiq stops the worker. The supervisor starts it again, and the check in start() ends it.
                os.kill(os.getpid(), signal.SIGTERM)
                answered = True
            except EngineUnavailable:
                continue
