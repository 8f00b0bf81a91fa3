"""The routes of Judge0's API."""

from __future__ import annotations

from typing import Final

from app.http.compat.judge0.batch_resource import SubmissionBatchResource
from app.http.compat.judge0.job_builder import JobBuilder
from app.http.compat.judge0.language_resources import (
    AllLanguagesResource,
    LanguageResource,
    LanguagesResource,
    StatusesResource,
)
from app.http.compat.judge0.service_info import (
    TEXTS,
    AboutResource,
    ConfigResource,
    StatisticsResource,
    SystemResource,
    TextResource,
    TokenResource,
    WorkersResource,
)
from app.http.compat.judge0.submission_reader import SubmissionReader
from app.http.compat.judge0.submission_resources import SubmissionResource, SubmissionsResource
from app.http.services import Services

__all__ = ["judge0_routes"]

_PREFIX: Final = "/judge0"


def judge0_routes(services: Services) -> dict[str, object]:
    """Return the resource of each URI template. Some clients add a slash to the path, which Judge0 ignores."""
    routes = {**_submission_routes(services), **_service_routes(services)}
    return {f"{_PREFIX}{path}{slash}": resource for path, resource in routes.items() for slash in ("", "/")}


def _submission_routes(services: Services) -> dict[str, object]:
    builder = JobBuilder(services.submissions, services.languages)
    reader = SubmissionReader(services.jobs, services.languages)
    return {
        "/submissions": SubmissionsResource(services, builder, reader),
        "/submissions/batch": SubmissionBatchResource(services, builder, reader),
        "/submissions/{token}": SubmissionResource(services.jobs, reader),
    }


def _service_routes(services: Services) -> dict[str, object]:
    return {
        "/languages": LanguagesResource(services.languages),
        "/languages/all": AllLanguagesResource(services.languages),
        "/languages/{language_id}": LanguageResource(services.languages),
        "/statuses": StatusesResource(),
        "/about": AboutResource(),
        "/config_info": ConfigResource(),
        "/system_info": SystemResource(),
        "/workers": WorkersResource(services.administration),
        "/statistics": StatisticsResource(services),
        "/authenticate": TokenResource(),
        "/authorize": TokenResource(),
        **{f"/{name}": TextResource(text) for name, text in TEXTS.items()},
    }
