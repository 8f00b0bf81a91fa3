"""The native API's routes: each address and what answers there. What they take and answer is described in
app/http/openapi/."""

from __future__ import annotations

from app.http.openapi import DocsFileResource, DocsPageResource, DocumentResource
from app.http.parts import Parts
from app.http.v1.admin.hosts import HostsResource
from app.http.v1.admin.keys import KeyResource, KeysResource
from app.http.v1.admin.metrics import MetricsJsonResource
from app.http.v1.admin.queues import (
    DeadLetterResource,
    DeadLettersResource,
    QueuesResource,
    ReplayResource,
    WorkersResource,
)
from app.http.v1.artifacts import ArtifactResource
from app.http.v1.batches import BatchResource
from app.http.v1.health import LivezResource, ReadyzResource
from app.http.v1.job import CancelResource, JobResource
from app.http.v1.jobs import JobsResource
from app.http.v1.languages import LanguagesResource
from app.http.v1.metrics import MetricsResource
from app.http.v1.output import OutputResource
from app.http.v1.stream import StreamResource
from app.http.v1.tickets import TicketsResource

__all__ = ["native_routes"]


def native_routes(parts: Parts) -> dict[str, object]:
    """Each template with its resource."""
    return {**_job_routes(parts), **_admin_routes(parts), **_service_routes(parts)}


def _job_routes(parts: Parts) -> dict[str, object]:
    jobs, settings, lifecycle = parts.jobs, parts.settings, parts.lifecycle
    return {
        "/v1/jobs": JobsResource(jobs, parts.submissions, settings, lifecycle),
        "/v1/jobs/batch": BatchResource(jobs, parts.submissions, settings, parts.metering),
        "/v1/jobs/{job_id}": JobResource(jobs),
        "/v1/jobs/{job_id}/artifacts/{name:path}": ArtifactResource(jobs),
        "/v1/jobs/{job_id}/output": OutputResource(jobs, settings, lifecycle),
        "/v1/jobs/{job_id}/stream": StreamResource(jobs, parts.authenticator, settings, lifecycle, parts.metering),
        "/v1/jobs/{job_id}/cancel": CancelResource(jobs),
        "/v1/languages": LanguagesResource(parts.languages),
        "/v1/tickets": TicketsResource(parts.api_keys),
    }


def _admin_routes(parts: Parts) -> dict[str, object]:
    administration = parts.administration
    return {
        "/v1/admin/keys": KeysResource(parts.api_keys, parts.now_ms),
        "/v1/admin/keys/{key_id}": KeyResource(parts.api_keys),
        "/v1/admin/metrics": MetricsJsonResource(parts.metrics, administration, parts.now_ms),
        "/v1/admin/hosts": HostsResource(parts.languages),
        "/v1/admin/queues": QueuesResource(administration),
        "/v1/admin/workers": WorkersResource(administration),
        "/v1/admin/dead/{queue}": DeadLettersResource(administration),
        "/v1/admin/dead/{queue}/{dead_letter_id}": DeadLetterResource(administration),
        "/v1/admin/dead/{queue}/{dead_letter_id}/replay": ReplayResource(administration),
    }


def _service_routes(parts: Parts) -> dict[str, object]:
    page = DocsPageResource()
    return {
        "/metrics": MetricsResource(parts.metrics, parts.administration),
        "/openapi.json": DocumentResource(parts.settings),
        "/docs": page,
        "/docs/": page,
        "/docs/{name}": DocsFileResource(),
        "/livez": LivezResource(),
        "/readyz": ReadyzResource(parts.jobs, parts.lifecycle),
    }
