"""Python SDK of Pyxec: ``Client`` blocks, ``AsyncClient`` is for asyncio.

from pyxec import Client

with Client("http://127.0.0.1:8080") as client:
    print(client.run("python", "print(6 * 7)").stdout)
"""

from __future__ import annotations

from pyxec.async_client import AsyncClient
from pyxec.async_job import AsyncJob
from pyxec.async_stream import AsyncJobStream
from pyxec.client import Client
from pyxec.errors import (
    Conflict,
    InvalidJob,
    InvalidRequest,
    JobTimeout,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    PyxecError,
    RequestRefused,
    ServiceFailed,
    ServiceUnreachable,
    TooManyRequests,
    UnreadableReply,
)
from pyxec.events import Event, Finished, FinishedResult, Output, Phase, Started
from pyxec.job import Job
from pyxec.job_request import Case, JobOptions, job_request
from pyxec.results import ArtifactInfo, JobStatus, Language, PhaseReport, Result, TestReport, Usage
from pyxec.stream import JobStream

__all__ = [
    "ArtifactInfo",
    "AsyncClient",
    "AsyncJob",
    "AsyncJobStream",
    "Case",
    "Client",
    "Conflict",
    "Event",
    "Finished",
    "FinishedResult",
    "InvalidJob",
    "InvalidRequest",
    "Job",
    "JobOptions",
    "JobStatus",
    "JobStream",
    "JobTimeout",
    "Language",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "Output",
    "Phase",
    "PhaseReport",
    "PyxecError",
    "RequestRefused",
    "Result",
    "ServiceFailed",
    "ServiceUnreachable",
    "Started",
    "TestReport",
    "TooManyRequests",
    "UnreadableReply",
    "Usage",
    "job_request",
]
