"""Python SDK of Pyxec: ``Client`` blocks, ``AsyncClient`` is for asyncio.

from pyxec import Client

with Client("http://127.0.0.1:8080") as client:
    print(client.run("python", "print(6 * 7)").stdout)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyxec.async_client import AsyncClient
    from pyxec.async_job import AsyncJob
    from pyxec.async_stream import AsyncJobStream
    from pyxec.batch_stream import BatchResult
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
    from pyxec.files import FileInfo
    from pyxec.job import Job
    from pyxec.job_options import Case, JobOptions, job_request
    from pyxec.results import (
        ArtifactInfo,
        JobStatus,
        Language,
        PhaseReport,
        Result,
        TestReport,
        Usage,
        WorkspaceInfo,
        WorkspaceReport,
    )
    from pyxec.stream import JobStream
    from pyxec.workspace import AsyncWorkspace, Workspace

__all__ = [
    "ArtifactInfo",
    "AsyncClient",
    "AsyncJob",
    "AsyncJobStream",
    "AsyncWorkspace",
    "BatchResult",
    "Case",
    "Client",
    "Conflict",
    "Event",
    "FileInfo",
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
    "Workspace",
    "WorkspaceInfo",
    "WorkspaceReport",
    "job_request",
]

# The modules are imported on first use: `pyxec --help` starts without httpx and websockets.
_MODULES = {
    "pyxec.async_client": ("AsyncClient",),
    "pyxec.async_job": ("AsyncJob",),
    "pyxec.async_stream": ("AsyncJobStream",),
    "pyxec.batch_stream": ("BatchResult",),
    "pyxec.client": ("Client",),
    "pyxec.errors": (
        "Conflict",
        "InvalidJob",
        "InvalidRequest",
        "JobTimeout",
        "NotAllowed",
        "NotAuthenticated",
        "NotFound",
        "PyxecError",
        "RequestRefused",
        "ServiceFailed",
        "ServiceUnreachable",
        "TooManyRequests",
        "UnreadableReply",
    ),
    "pyxec.events": (
        "Event",
        "Finished",
        "FinishedResult",
        "Output",
        "Phase",
        "Started",
    ),
    "pyxec.files": ("FileInfo",),
    "pyxec.job": ("Job",),
    "pyxec.job_options": (
        "Case",
        "JobOptions",
        "job_request",
    ),
    "pyxec.results": (
        "ArtifactInfo",
        "JobStatus",
        "Language",
        "PhaseReport",
        "Result",
        "TestReport",
        "Usage",
        "WorkspaceInfo",
        "WorkspaceReport",
    ),
    "pyxec.stream": ("JobStream",),
    "pyxec.workspace": ("AsyncWorkspace", "Workspace"),
}
_MODULE_BY_NAME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name not in _MODULE_BY_NAME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULE_BY_NAME[name]), name)
    globals()[name] = value
    return value
