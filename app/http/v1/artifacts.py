"""GET /v1/jobs/{id}/artifacts/{name}: a file that the program has left."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote

import msgspec
from falcon.asgi import Response

from app.core.artifacts import ArtifactInfo
from app.http.ownership import get_own_job
from app.http.request import Request
from app.store.jobs import JobStore

__all__ = ["ArtifactResource", "ArtifactView", "artifact_view"]

# What a browser may be told of a stranger's file: pictures that run nothing. SVG and HTML do, so they are mere bytes.
_PICTURES: Final = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}
_BYTES: Final = "application/octet-stream"


class ArtifactView(msgspec.Struct, frozen=True, kw_only=True):
    """A file, and where it is, relative to the gateway."""

    name: str
    size_bytes: int
    content_type: str
    link: str


def artifact_view(job_path: str, info: ArtifactInfo) -> ArtifactView:
    """One file of the job at this address."""
    return ArtifactView(
        name=info.name,
        size_bytes=info.size_bytes,
        content_type=_content_type(info.name),
        link=f"{job_path}/artifacts/{quote(info.name)}",
    )


class ArtifactResource:
    """One file of one job."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs

    async def on_get(self, request: Request, response: Response, job_id: str, name: str) -> None:
        """Its bytes, for download only: no page of ours ever runs them."""
        await get_own_job(self._jobs, job_id, request.caller)
        response.data = await self._jobs.artifact(job_id, name)
        response.content_type = _content_type(name)
        response.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{_download_name(name)}")
        response.set_header("Content-Security-Policy", "default-src 'none'; sandbox")
        response.set_header("X-Content-Type-Options", "nosniff")

    on_head = on_get


def _content_type(name: str) -> str:
    return _PICTURES.get(PurePosixPath(name).suffix.lower(), _BYTES)


def _download_name(name: str) -> str:
    return quote(PurePosixPath(name).name, safe="")
