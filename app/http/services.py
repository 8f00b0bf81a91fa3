"""The services of the gateway: everything that a route can depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.http.jobs.submissions import Submissions
from app.http.middleware.authentication import Authenticator
from app.http.middleware.draining import Lifecycle
from app.http.middleware.metrics import RequestMetrics
from app.http.settings import HttpSettings
from app.store.admin.administration import Administration
from app.store.admin.audit_log import AuditLog
from app.store.admin.inventory import Inventory
from app.store.callers.api_keys import ApiKeyStore
from app.store.files.file_store import FileStore
from app.store.jobs.batches import BatchStore
from app.store.jobs.job_store import JobStore
from app.store.languages import LanguageStore
from app.store.links import LinkStore
from app.store.metrics import MetricStore
from app.store.workspaces.workspace_store import WorkspaceStore

__all__ = ["Services"]


@dataclass(frozen=True, kw_only=True)
class Services:
    """The services of one gateway process.

    Attributes:
        now_ms: Returns the current time in Unix milliseconds.
    """

    jobs: JobStore
    batches: BatchStore
    files: FileStore
    workspaces: WorkspaceStore
    links: LinkStore
    inventory: Inventory
    languages: LanguageStore
    api_keys: ApiKeyStore
    administration: Administration
    audit_log: AuditLog
    metrics: MetricStore
    settings: HttpSettings
    now_ms: Callable[[], int]
    lifecycle: Lifecycle
    request_metrics: RequestMetrics
    authenticator: Authenticator
    submissions: Submissions
