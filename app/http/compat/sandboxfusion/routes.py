"""The routes, the health check and the error format of SandboxFusion's API."""

from __future__ import annotations

import re
from typing import Final

from falcon.asgi import Response

from app.core.errors import InvalidRequest, UnknownLanguage
from app.http.compat.sandboxfusion.results import RunCodeView, RunStatus
from app.http.compat.sandboxfusion.run_code import RunCodeResource
from app.http.compat.sandboxfusion.run_jupyter import RunJupyterResource
from app.http.errors import ErrorResponse, Problem
from app.http.request import Request
from app.http.responses import send_json
from app.http.services import Services

__all__ = ["SANDBOXFUSION_PREFIX", "format_sandboxfusion_error", "sandboxfusion_routes"]

SANDBOXFUSION_PREFIX: Final = "/sandboxfusion"
_SEPARATORS: Final = re.compile(r"[.\[\]]+")


class PingResource:
    """The health check. It needs no key."""

    async def on_get(self, request: Request, response: Response) -> None:
        """Return 200 with "pong"."""
        send_json(response, 200, "pong")

    on_head = on_get


def sandboxfusion_routes(services: Services) -> dict[str, object]:
    """Return the resource of each URI template."""
    return {
        f"{SANDBOXFUSION_PREFIX}/run_code": RunCodeResource(services),
        f"{SANDBOXFUSION_PREFIX}/run_jupyter": RunJupyterResource(services),
        f"{SANDBOXFUSION_PREFIX}/v1/ping": PingResource(),
    }


def format_sandboxfusion_error(problem: Problem, error: Exception) -> ErrorResponse:
    """Format an error as ``{"detail": ...}``: a list for an invalid request, as FastAPI does, else a text.

    A language that is not installed is a SandboxError with the status 200, as in SandboxFusion.
    """
    if isinstance(error, UnknownLanguage):
        return ErrorResponse(200, RunCodeView(status=RunStatus.SANDBOX_ERROR, message=problem.detail))
    if isinstance(error, InvalidRequest):
        location = ["body", *(part for part in _SEPARATORS.split(error.field) if part)]
        return ErrorResponse(422, {"detail": [{"type": "value_error", "loc": location, "msg": error.reason}]})
    if problem.status == 400:
        return ErrorResponse(422, {"detail": [{"type": "json_invalid", "loc": ["body"], "msg": problem.detail}]})
    return ErrorResponse(problem.status, {"detail": problem.detail})
