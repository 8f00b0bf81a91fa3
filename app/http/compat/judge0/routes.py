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
from app.http.parts import Parts

__all__ = ["judge0_routes"]

_PREFIX: Final = "/judge0"


def judge0_routes(parts: Parts) -> dict[str, object]:
    """Each template with its resource; with a slash at the end as well, for clients that write one."""
    routes = {**_submission_routes(parts), **_information_routes(parts)}
    return {f"{_PREFIX}{path}{end}": resource for path, resource in routes.items() for end in ("", "/")}


def _submission_routes(parts: Parts) -> dict[str, object]:
    preparation = Preparation(parts.submissions, parts.languages)
    reading = Reading(parts.jobs, parts.languages)
    return {
        "/submissions": SubmissionsResource(parts, preparation, reading),
        "/submissions/batch": SubmissionBatchResource(parts, preparation, reading),
        "/submissions/{token}": SubmissionResource(parts.jobs, reading),
    }


def _information_routes(parts: Parts) -> dict[str, object]:
    return {
        "/languages": LanguagesResource(parts.languages),
        "/languages/all": AllLanguagesResource(parts.languages),
        "/languages/{language_id}": LanguageResource(parts.languages),
        "/statuses": StatusesResource(),
        "/about": AboutResource(),
        "/config_info": ConfigResource(),
        "/system_info": SystemResource(),
        "/workers": WorkersResource(parts.administration),
        "/statistics": StatisticsResource(parts),
        "/authenticate": TokenResource(),
        "/authorize": TokenResource(),
        **{f"/{name}": TextResource(text) for name, text in TEXTS.items()},
    }
