"""Why a queued job waits, in words."""

from __future__ import annotations

from typing import Final

__all__ = ["describe_waiting_reason"]

_TEXTS: Final = {
    "queue-paused": "an operator has paused the queue",
    "no-worker": "no worker is available",
    "image-missing": "no worker has the image of the language {language}",
    "engine-not-answering": "all workers are paused, because the engine does not answer",
    "engine-unsupported": "all workers are paused, because the engine does not meet the requirements",
    "launches-fail": "all workers are paused, because no sandbox can be started",
}


def describe_waiting_reason(reason: str, language: str) -> str:
    """Return a clause for the ``waiting_reason`` of a job.

    Args:
        reason: Documented at ``GET /v1/jobs/{job_id}``. A later version of the service may have more.
        language: The language of the job.
    """
    return _TEXTS.get(reason, "no worker can run it ({reason})").format(language=language, reason=reason)
