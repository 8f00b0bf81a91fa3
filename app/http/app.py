"""The gateway as an ASGI application: its middleware, its routes and its error handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import falcon.asgi
from falcon.asgi import Response

from app.http.compat.dify.responses import format_dify_error
from app.http.compat.dify.routes import DIFY_PREFIX, dify_routes
from app.http.compat.goxec.routes import RUN_PATH, WATCH_PATH, format_goxec_error, goxec_routes
from app.http.compat.jobe.resources import JOBE_PREFIX, format_jobe_error, jobe_routes
from app.http.compat.judge0 import format_judge0_error, judge0_routes
from app.http.compat.librechat.routes import LIBRECHAT_PREFIX, format_librechat_error, librechat_routes
from app.http.compat.piston.errors import format_piston_error
from app.http.compat.piston.routes import PISTON_PREFIX, piston_routes
from app.http.compat.sandboxfusion.routes import (
    SANDBOXFUSION_PREFIX,
    format_sandboxfusion_error,
    sandboxfusion_routes,
)
from app.http.error_handler import ErrorHandler
from app.http.errors import ErrorFormat
from app.http.jobs.submissions import Submissions
from app.http.mcp import McpResource
from app.http.middleware.access_log import AccessLog
from app.http.middleware.allowed_hosts import AllowedHosts
from app.http.middleware.audit import AuditTrail
from app.http.middleware.authentication import Authentication, Authenticator
from app.http.middleware.cors import Cors
from app.http.middleware.draining import Lifecycle
from app.http.middleware.metrics import RequestMetrics
from app.http.middleware.tracing import RequestTracing
from app.http.openapi import AUDITED_ACTIONS, DocsFileResource, DocsPageResource, DocumentResource
from app.http.request import Request
from app.http.services import Services
from app.http.settings import HttpSettings
from app.http.v1.admin.audit import AuditResource
from app.http.v1.admin.dead_letters import DeadLetterResource, DeadLettersResource, ReplayResource
from app.http.v1.admin.engines import EnginesResource
from app.http.v1.admin.hosts import HostsResource
from app.http.v1.admin.inventory import StoredFilesResource, StoredWorkspacesResource
from app.http.v1.admin.jobs import AnyJobCancelResource, AnyJobResource, AnyJobsResource
from app.http.v1.admin.keys import KeyResource, KeysResource, RotateResource
from app.http.v1.admin.metrics import MetricsJsonResource
from app.http.v1.admin.queues import PauseResource, QueuesResource, ResumeResource, WorkersResource
from app.http.v1.artifacts import ArtifactResource
from app.http.v1.batches.resource import BatchResource
from app.http.v1.batches.stream import BatchStreamResource, BatchStreams
from app.http.v1.files import FileResource, FilesResource
from app.http.v1.health import LivezResource, ReadyzResource
from app.http.v1.job import CancelResource, JobResource
from app.http.v1.jobs import JobsResource
from app.http.v1.languages import LanguagesResource
from app.http.v1.links import LinkResource, LinksResource
from app.http.v1.metrics import MetricsResource
from app.http.v1.output.resource import OutputResource
from app.http.v1.output.stream import StreamResource
from app.http.v1.output.tickets import TicketsResource
from app.http.v1.workspaces import WorkspaceFileResource, WorkspaceResource, WorkspacesResource
from app.store.admin.administration import Administration
from app.store.admin.audit_log import AuditLog
from app.store.admin.inventory import Inventory
from app.store.callers.api_keys import ApiKeyStore
from app.store.files.file_store import FileStore
from app.store.jobs.batches import BatchStore
from app.store.jobs.job_store import JobStore
from app.store.jobs.submission import Submitter
from app.store.languages import LanguageStore
from app.store.links import LinkStore
from app.store.metrics import MetricStore
from app.store.workspaces.workspace_store import WorkspaceStore
from app.telemetry.spans import Tracer

__all__ = ["ERROR_FORMATS", "create_app"]

# Errors below other paths are problem documents (RFC 9457).
ERROR_FORMATS: Final[dict[str, ErrorFormat]] = {
    "/judge0/": format_judge0_error,
    f"{PISTON_PREFIX}/": format_piston_error,
    RUN_PATH: format_goxec_error,
    WATCH_PATH: format_goxec_error,
    f"{SANDBOXFUSION_PREFIX}/": format_sandboxfusion_error,
    f"{DIFY_PREFIX}/": format_dify_error,
    f"{JOBE_PREFIX}/": format_jobe_error,
    f"{LIBRECHAT_PREFIX}/": format_librechat_error,
}


def create_app(
    *,
    jobs: JobStore,
    batches: BatchStore,
    files: FileStore,
    workspaces: WorkspaceStore,
    links: LinkStore,
    inventory: Inventory,
    languages: LanguageStore,
    submitter: Submitter,
    api_keys: ApiKeyStore,
    administration: Administration,
    audit_log: AuditLog,
    metrics: MetricStore,
    settings: HttpSettings,
    new_id: Callable[[], str],
    now_ms: Callable[[], int],
    close: Callable[[], Awaitable[None]] | None = None,
    tracer: Tracer | None = None,
) -> falcon.asgi.App[Request, Response]:
    """Create the ASGI application.

    Args:
        new_id: Returns ids for jobs and requests: 1 to 64 letters, digits, ``-`` and ``_`` that cannot be guessed.
        now_ms: Returns the current time in Unix milliseconds.
        close: Called after the last request has ended.
        tracer: Creates a span for each request. None disables tracing.
    """
    allow_private = settings.allow_private_webhooks
    submissions = Submissions(jobs, languages, submitter, files, new_id, now_ms, allow_private_webhooks=allow_private)

    async def close_all() -> None:
        await mcp.close()
        if close is not None:
            await close()

    lifecycle = Lifecycle(settings.drain_seconds, close_all)
    mcp = McpResource(jobs, submissions, settings, lifecycle)
    services = Services(
        jobs=jobs,
        batches=batches,
        files=files,
        workspaces=workspaces,
        links=links,
        inventory=inventory,
        languages=languages,
        api_keys=api_keys,
        administration=administration,
        audit_log=audit_log,
        metrics=metrics,
        settings=settings,
        now_ms=now_ms,
        lifecycle=lifecycle,
        request_metrics=RequestMetrics(metrics),
        authenticator=Authenticator(api_keys, settings),
        submissions=submissions,
    )
    app = falcon.asgi.App(request_type=Request)
    mcp.connect(app)
    # Every WebSocket resource reads its socket all the time, so Falcon's receive queue and its task are not needed.
    app.ws_options.max_receive_queue = 0
    app.add_middleware(AccessLog(new_id))
    if tracer is not None:
        app.add_middleware(RequestTracing(tracer))
    app.add_middleware(services.lifecycle)
    app.add_middleware(services.request_metrics)
    app.add_middleware(AllowedHosts(settings.allowed_hosts))
    app.add_middleware(Authentication(services.authenticator))
    app.add_middleware(AuditTrail(audit_log, AUDITED_ACTIONS, now_ms))
    app.add_middleware(Cors(settings.allowed_origins, settings.allowed_hosts))
    handle_error = ErrorHandler(services.request_metrics, ERROR_FORMATS)
    app.add_error_handler(Exception, handle_error)
    app.add_error_handler(falcon.HTTPError, handle_error)  # replaces Falcon's own handler
    for template, resource in {**_create_routes(services), "/mcp": mcp}.items():
        app.add_route(template, resource)
    return app


def _create_routes(services: Services) -> dict[str, object]:
    """Return the resource of each URI template. app/http/openapi/ describes the native ones."""
    jobs, submissions = services.jobs, services.submissions
    settings, lifecycle, request_metrics = services.settings, services.lifecycle, services.request_metrics
    languages, api_keys, administration = services.languages, services.api_keys, services.administration
    metrics, now_ms = services.metrics, services.now_ms
    docs_page = DocsPageResource()
    streams = BatchStreams(services.batches, jobs, submissions, settings, lifecycle, request_metrics)
    return {
        "/v1/jobs": JobsResource(jobs, submissions, settings, lifecycle),
        "/v1/jobs/batch": BatchResource(jobs, submissions, settings, request_metrics, streams),
        "/v1/jobs/batch/{batch_id}": BatchStreamResource(streams),
        "/v1/jobs/{job_id}": JobResource(jobs, languages),
        "/v1/jobs/{job_id}/artifacts/{name:path}": ArtifactResource(jobs),
        "/v1/jobs/{job_id}/output": OutputResource(jobs, settings, lifecycle),
        "/v1/jobs/{job_id}/stream": StreamResource(jobs, services.authenticator, settings, lifecycle, request_metrics),
        "/v1/jobs/{job_id}/cancel": CancelResource(jobs),
        "/v1/files": FilesResource(services.files, submissions, settings),
        "/v1/files/{file_id}": FileResource(services.files),
        "/v1/workspaces": WorkspacesResource(services.workspaces, services.submissions),
        "/v1/workspaces/{workspace_id}": WorkspaceResource(services.workspaces),
        "/v1/workspaces/{workspace_id}/files/{path:path}": WorkspaceFileResource(
            services.workspaces, services.submissions, settings
        ),
        "/v1/links": LinksResource(services.links),
        "/v1/links/{link_id}": LinkResource(services.links),
        "/v1/languages": LanguagesResource(languages),
        "/v1/tickets": TicketsResource(api_keys),
        "/v1/admin/keys": KeysResource(api_keys, now_ms),
        "/v1/admin/keys/{key_id}": KeyResource(api_keys),
        "/v1/admin/keys/{key_id}/rotate": RotateResource(api_keys),
        "/v1/admin/jobs": AnyJobsResource(jobs, administration),
        "/v1/admin/jobs/{job_id}": AnyJobResource(jobs),
        "/v1/admin/jobs/{job_id}/cancel": AnyJobCancelResource(jobs),
        "/v1/admin/audit": AuditResource(services.audit_log),
        "/v1/admin/metrics": MetricsJsonResource(metrics, administration, now_ms),
        "/v1/admin/hosts": HostsResource(languages),
        "/v1/admin/engines": EnginesResource(metrics),
        "/v1/admin/files": StoredFilesResource(services.inventory),
        "/v1/admin/workspaces": StoredWorkspacesResource(services.inventory),
        "/v1/admin/queues": QueuesResource(administration),
        "/v1/admin/queues/{queue}/pause": PauseResource(administration),
        "/v1/admin/queues/{queue}/resume": ResumeResource(administration),
        "/v1/admin/workers": WorkersResource(administration),
        "/v1/admin/dead/{queue}": DeadLettersResource(administration),
        "/v1/admin/dead/{queue}/{dead_letter_id}": DeadLetterResource(administration),
        "/v1/admin/dead/{queue}/{dead_letter_id}/replay": ReplayResource(administration),
        "/metrics": MetricsResource(metrics, administration),
        "/openapi.json": DocumentResource(settings),
        "/docs": docs_page,
        "/docs/": docs_page,
        "/docs/{name}": DocsFileResource(),
        "/livez": LivezResource(),
        "/readyz": ReadyzResource(jobs, lifecycle),
        **judge0_routes(services),
        **piston_routes(services),
        **goxec_routes(services),
        **sandboxfusion_routes(services),
        **dify_routes(services),
        **jobe_routes(services),
        **librechat_routes(services),
    }
