"""GET /v1/jobs/{id}/artifacts/{name}: a file that a program created."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote

import msgspec
from falcon.asgi import Response

from app.core.job.results import ArtifactInfo
from app.http.jobs.ownership import get_own_job
from app.http.large_texts import ByteStream
from app.http.memory import MEMORY, Reservation
from app.http.request import Request
from app.http.responses import set_download_headers
from app.store.jobs.job_store import JobStore

__all__ = ["ArtifactResource", "ArtifactView", "create_artifact_view"]

# Artifacts are untrusted. Only image formats that cannot contain scripts have their own media type.
_IMAGE_TYPES: Final = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}
_OCTET_STREAM: Final = "application/octet-stream"


class ArtifactView(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact. ``link`` is its URL path."""

    name: str
    size_bytes: int
    content_type: str
    link: str


def create_artifact_view(job_path: str, info: ArtifactInfo) -> ArtifactView:
    """Create the view of an artifact of the job with this URL path."""
    return ArtifactView(
        name=info.name,
        size_bytes=info.size_bytes,
        content_type=_find_content_type(info.name),
        link=f"{job_path}/artifacts/{quote(info.name)}",
    )


class ArtifactResource:
    """GET /v1/jobs/{id}/artifacts/{name}."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs

    async def on_get(self, request: Request, response: Response, job_id: str, name: str) -> None:
        """Send the content as a download. The headers keep browsers from executing it on the origin of the gateway.

        Raises:
            JobNotFound: The caller has no job with this id.
            NotFound: The job has no artifact with this name.
            GatewayBusy: There is no memory for it.
        """
        record = await get_own_job(self._jobs, job_id, request.caller)
        artifacts = () if record.result is None else record.result.artifacts
        with Reservation(MEMORY) as reservation:
            await reservation.extend(sum(info.size_bytes for info in artifacts if info.name == name))
            content = await self._jobs.artifact(job_id, name)
            response.stream = ByteStream(content, reservation.hand_over())
        response.content_length = len(content)
        set_download_headers(response, name, _find_content_type(name))

    on_head = on_get


def _find_content_type(name: str) -> str:
    return _IMAGE_TYPES.get(PurePosixPath(name).suffix.lower(), _OCTET_STREAM)
