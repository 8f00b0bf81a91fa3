"""Whether the engine of a worker can run sandboxes at present."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

import structlog

from app.core.errors import EngineUnavailable, ImageMissing, InfrastructureError, UnsupportedEngine
from app.sandbox.engine.errors import EngineResponseError
from app.sandbox.engine.requirements import check_engine_requirements

__all__ = ["EXIT_STATUS", "EngineAvailability", "PauseReason", "check_at_start"]

#: EX_CONFIG of sysexits(3): the process cannot run with its configuration.
EXIT_STATUS: Final = 78
# The start of a worker waits for the response. The default time-out of the settings is longer.
_START_TIMEOUT_SECONDS: Final = 2.0
_PROBE_SECONDS: Final = 5.0
_MIN_BACKOFF_SECONDS: Final = 1.0
_MAX_BACKOFF_SECONDS: Final = 10.0
_BACKOFF_FACTOR: Final = 1.5
# One job alone cannot pause the worker: its launch has to fail this often without a successful launch in between.
_FAILED_LAUNCHES: Final = 3
_log = structlog.get_logger(__name__)


class PauseReason(StrEnum):
    """Why a worker fetches no jobs."""

    NOT_ANSWERING = "engine-not-answering"
    UNSUPPORTED = "engine-unsupported"
    LAUNCHES_FAIL = "launches-fail"


class EngineAvailability:
    """Service that determines whether the engine can run jobs, with probes and with the results of launches.

    The engine is unavailable if it does not answer, if it no longer meets the requirements, or if several launches in
    succession fail for a reason other than a missing image, for example because the disk of its host is full. While it
    is unavailable, it is probed once per second, backing off to 10 s.

    Args:
        docker_host: Address of the engine.
        runtime: OCI runtime of the sandboxes. Empty for the engine's default.
        timeout_seconds: Time-out of each request.
        on_change: Called with the reason when the engine becomes unavailable, with another reason when that changes,
            and with None when it is available again. It must return quickly.
        check_host: Checks what else the host must support, after the engine has met the requirements for the first
            time. It raises UnsupportedEngine or EngineUnavailable.
    """

    def __init__(
        self,
        docker_host: str,
        runtime: str,
        timeout_seconds: float,
        on_change: Callable[[PauseReason | None], None] = lambda reason: None,
        check_host: Callable[[], object] = lambda: None,
    ) -> None:
        self._docker_host = docker_host
        self._runtime = runtime
        self._timeout_seconds = timeout_seconds
        self._on_change = on_change
        self._check_host = check_host
        self._has_met_requirements = False
        self._reason: PauseReason | None = None
        self._paused_at = 0.0
        self._probe_backoff_seconds = _MIN_BACKOFF_SECONDS
        self._failed_launches = 0
        self._launch_backoff_seconds = _MIN_BACKOFF_SECONDS
        self._next_launch_at = 0.0
        self._lock = threading.Lock()
        self._stopping = False
        self._wake_up = threading.Event()
        self._thread = threading.Thread(target=self._probe_forever, name="engine-availability", daemon=True)

    @property
    def reason(self) -> PauseReason | None:
        """Why the engine cannot run jobs; None if it can."""
        return self._reason

    def start(self) -> None:
        """Check the engine, then probe it in a thread.

        Raises:
            SystemExit: The engine does not meet the requirements. The log states what to do.
        """
        try:
            check_at_start(self._docker_host, self._runtime, self._check_host)
            self._has_met_requirements = True
        except EngineUnavailable as e:
            self._pause(PauseReason.NOT_ANSWERING, e)
        self._thread.start()

    def stop(self) -> None:
        """Stop probing. Returns within a few seconds, even if the engine hangs."""
        self._stopping = True
        self._wake_up.set()
        if self._thread.is_alive():
            self._thread.join(_START_TIMEOUT_SECONDS)

    def record_launch(self) -> None:
        """Record that a sandbox was launched."""
        with self._lock:
            self._failed_launches = 0
            self._launch_backoff_seconds = _MIN_BACKOFF_SECONDS
            self._next_launch_at = 0.0
            is_paused = self._reason is not None
        if is_paused:
            self._wake_up.set()

    def record_failure(self, error: InfrastructureError) -> None:
        """Record that a sandbox could not be launched. A missing image concerns only its language."""
        if isinstance(error, ImageMissing):
            return
        if isinstance(error, EngineUnavailable) and not isinstance(error.__cause__, EngineResponseError):
            is_unsupported = isinstance(error.__cause__ or error, UnsupportedEngine)
            self._pause(PauseReason.UNSUPPORTED if is_unsupported else PauseReason.NOT_ANSWERING, error)
            self._wake_up.set()
            return
        with self._lock:
            if self._reason is not None:
                return
            self._failed_launches += 1
            if self._failed_launches < _FAILED_LAUNCHES:
                return
            self._next_launch_at = time.monotonic() + self._launch_backoff_seconds
            self._launch_backoff_seconds = min(self._launch_backoff_seconds * _BACKOFF_FACTOR, _MAX_BACKOFF_SECONDS)
        self._pause(PauseReason.LAUNCHES_FAIL, error)
        self._wake_up.set()

    def _probe_forever(self) -> None:
        while not self._stopping:
            self._wake_up.wait(_PROBE_SECONDS if self._reason is None else self._probe_backoff_seconds)
            self._wake_up.clear()
            if not self._stopping:
                self._probe()

    def _probe(self) -> None:
        try:
            check_engine_requirements(self._docker_host, self._runtime, self._timeout_seconds)
            if not self._has_met_requirements:
                self._check_host()
        except UnsupportedEngine as e:
            if not self._has_met_requirements and not self._stopping:
                _log_faults(e)
                # Dramatiq stops the worker. The supervisor starts it again, and the check in start() ends it.
                os.kill(os.getpid(), signal.SIGTERM)
                self._stopping = True
            self._pause(PauseReason.UNSUPPORTED, e)
        except Exception as e:  # noqa: BLE001 - without this thread, a paused worker would stay paused
            self._pause(PauseReason.NOT_ANSWERING, e)
        else:
            self._has_met_requirements = True
            self._resume()

    def _pause(self, reason: PauseReason, error: Exception) -> None:
        with self._lock:
            if self._reason is not None:
                next_backoff_seconds = self._probe_backoff_seconds * _BACKOFF_FACTOR
                self._probe_backoff_seconds = min(next_backoff_seconds, _MAX_BACKOFF_SECONDS)
            else:
                self._probe_backoff_seconds = _MIN_BACKOFF_SECONDS
                self._paused_at = time.monotonic()
            if self._reason is reason:
                return
            self._reason = reason
            self._on_change(reason)
        _log.warning("fetching_paused", reason=reason.value, error=str(error))

    def _resume(self) -> None:
        with self._lock:
            if self._reason is None or time.monotonic() < self._next_launch_at:
                return
            reason, self._reason = self._reason, None
            # If the next launch fails as well, the pause continues.
            self._failed_launches = _FAILED_LAUNCHES - 1 if reason is PauseReason.LAUNCHES_FAIL else 0
            self._on_change(None)
            paused_seconds = round(time.monotonic() - self._paused_at, 1)
        _log.info("fetching_resumed", reason=reason.value, paused_seconds=paused_seconds)


def check_at_start(docker_host: str, runtime: str, check_host: Callable[[], object] = lambda: None) -> None:
    """Check the engine of a process that starts, and then its host.

    Raises:
        SystemExit: The engine does not meet the requirements. The log states what to do.
        EngineUnavailable: The engine does not answer, which may be temporary.
    """
    try:
        check_engine_requirements(docker_host, runtime, _START_TIMEOUT_SECONDS)
        check_host()
    except UnsupportedEngine as e:
        _log_faults(e)
        raise SystemExit(EXIT_STATUS) from None


def _log_faults(error: UnsupportedEngine) -> None:
    for sentence in str(error).splitlines():
        _log.critical("configuration_invalid", error=sentence)
