"""The whole wiring of the gateway: routes, middleware, and one way out for every error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import falcon.asgi
import msgspec
import structlog
from falcon.asgi import Response, WebSocket

from app.http.compat.goxec.errors import goxec_error
from app.http.compat.goxec.routes import GOXEC_RUN, GOXEC_WATCH, goxec_routes
from app.http.compat.judge0 import judge0_error, judge0_routes
from app.http.compat.piston.errors import piston_error
from app.http.compat.piston.routes import PISTON_PREFIX, piston_routes
from app.http.error_formats import Dialect, choose_dialect
from app.http.errors import close_code_of, problem_of, retry_after_seconds
from app.http.middleware.access_log import AccessLog, log_access
from app.http.middleware.authentication import Authentication, Authenticator
from app.http.middleware.cors import CrossOrigin
from app.http.middleware.draining import Lifecycle
from app.http.middleware.metrics import RequestMetrics
from app.http.middleware.tracing import RequestTracing
from app.http.parts import Parts
from app.http.request import Request
from app.http.settings import HttpSettings
from app.http.submissions import Submissions
from app.http.v1.routes import native_routes
from app.store.administration import Administration
from app.store.api_keys import ApiKeyStore
from app.store.jobs import JobStore
from app.store.languages import LanguageStore
from app.store.metrics import MetricStore
from app.store.submission import Submitter
from app.telemetry.spans import Tracer

__all__ = ["create_app"]

_log = structlog.get_logger("pyxec.http")

# Path prefixes of the APIs that say errors in their own words; everything else says problem+json.
DIALECTS: Final[dict[str, Dialect]] = {
    "/judge0/": judge0_error,
    f"{PISTON_PREFIX}/": piston_error,
    GOXEC_RUN: goxec_error,
    GOXEC_WATCH: goxec_error,
}

# Each API: its templates and resources, made of the parts.
ROUTES: Final[tuple[Callable[[Parts], Mapping[str, object]], ...]] = (
    native_routes,
    judge0_routes,
    piston_routes,
    goxec_routes,
)


def create_app(
    *,
    jobs: JobStore,
    languages: LanguageStore,
    submitter: Submitter,
    api_keys: ApiKeyStore,
    administration: Administration,
    metrics: MetricStore,
    settings: HttpSettings,
    new_id: Callable[[], str],
    now_ms: Callable[[], int],
    close: Callable[[], Awaitable[None]] | None = None,
    tracer: Tracer | None = None,
) -> falcon.asgi.App[Request, Response]:
    """The gateway as an ASGI application.

    Parameters:
        new_id: ids for jobs and for requests: letters, digits, ``-`` and ``_``, at most 64, hard to guess.
        now_ms: Unix milliseconds.
        close: called once the last request has ended.
        tracer: makes a span of each request, if there is one.
    """
    lifecycle = Lifecycle(settings.drain_seconds, close)
    app = falcon.asgi.App(request_type=Request)
    # Whoever has a socket always listens to it: there is nothing for a buffer and its task to do, a thousandfold.
    app.ws_options.max_receive_queue = 0
    app.add_middleware(AccessLog(new_id))
    if tracer is not None:
        app.add_middleware(RequestTracing(tracer))
    app.add_middleware(lifecycle)
    metering = RequestMetrics(metrics)
    app.add_middleware(metering)
    authenticator = Authenticator(api_keys, settings)
    app.add_middleware(Authentication(authenticator))
    app.add_middleware(CrossOrigin(settings.allowed_origins))
    answer_error = _ErrorAnswer(metering)
    app.add_error_handler(Exception, answer_error)
    app.add_error_handler(falcon.HTTPError, answer_error)
    parts = Parts(
        jobs=jobs,
        languages=languages,
        api_keys=api_keys,
        administration=administration,
        metrics=metrics,
        settings=settings,
        now_ms=now_ms,
        lifecycle=lifecycle,
        metering=metering,
        authenticator=authenticator,
        submissions=Submissions(
            jobs, languages, submitter, new_id, now_ms, allow_private_webhooks=settings.allow_private_webhooks
        ),
    )
    for routes in ROUTES:
        for template, resource in routes(parts).items():
            app.add_route(template, resource)
    return app


class _ErrorAnswer:
    """Every exception of every route ends here, and is logged here, once, if it is ours."""

    def __init__(self, metering: RequestMetrics) -> None:
        self._metering = metering

    async def __call__(
        self,
        request: Request,
        response: Response | None,
        error: Exception,
        params: dict[str, Any],
        ws: WebSocket | None = None,
    ) -> None:
        """Answer in one way."""
        problem = problem_of(error, request.request_id)
        self._metering.rejected(problem)
        if problem.status == 500:
            _log.error("request_failed", request_id=request.request_id, route=request.uri_template, exc_info=error)
        if ws is not None:
            await ws.close(close_code_of(problem))
            log_access(request, close_code_of(problem))
        if response is None:
            return
        if isinstance(error, falcon.HTTPError) and error.headers:
            response.set_headers(error.headers)
        if (retry_after := retry_after_seconds(error)) is not None:
            response.set_header("Retry-After", str(retry_after))
        if problem.status == 401:
            response.set_header("WWW-Authenticate", "Bearer")
        answer = choose_dialect(DIALECTS, request.path)(problem, error)
        response.status = answer.status
        response.content_type = answer.content_type
        response.data = msgspec.json.encode(answer.body)
