"""Judge0's routes: each address and what answers there."""

from __future__ import annotations

from typing import Final

from app.http.compat.judge0.about import (
    TEXTS,
    AboutResource,
    ConfigResource,
    SystemResource,
    TextResource,
    TokenResource,
)
from app.http.compat.judge0.batch import SubmissionBatchResource
from app.http.compat.judge0.job import Preparation
from app.http.compat.judge0.languages import AllLanguagesResource, LanguageResource, LanguagesResource, StatusesResource
from app.http.compat.judge0.lookup import Reading
from app.http.compat.judge0.stats import StatisticsResource, WorkersResource
from app.http.compat.judge0.submission_resource import SubmissionResource
from app.http.compat.judge0.submissions import SubmissionsResource
from app.http.services import Services

__all__ = ["judge0_routes"]

_PREFIX: Final = "/judge0"


def judge0_routes(services: Services) -> dict[str, object]:
    """Each template with its resource; with a slash at the end as well, for clients that write one."""
    routes = {**_submission_routes(services), **_information_routes(services)}
    return {f"{_PREFIX}{path}{end}": resource for path, resource in routes.items() for end in ("", "/")}


def _submission_routes(services: Services) -> dict[str, object]:
    preparation = Preparation(services.submissions, services.languages)
    reading = Reading(services.jobs, services.languages)
    return {
        "/submissions": SubmissionsResource(services, preparation, reading),
        "/submissions/batch": SubmissionBatchResource(services, preparation, reading),
        "/submissions/{token}": SubmissionResource(services.jobs, reading),
    }


def _information_routes(services: Services) -> dict[str, object]:
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
