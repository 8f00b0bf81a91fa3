"""A job that is ready to be submitted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from app.core.callers import Caller, Priority, Tier
from app.core.constraints import check_labels
from app.core.errors import InvalidRequest
from app.core.files import StoredFile
from app.core.job.contents import KeptFile
from app.core.job.resolve import resolve_spec
from app.core.job.spec import ForeignRequest, JobRequest, JobSpec
from app.core.job.webhooks import check_webhook_url
from app.core.languages import LanguageInfo
from app.core.workspaces import WorkspaceMode

__all__ = ["BatchPosition", "Idempotency", "NewJob", "hash_idempotency_key", "resolve_job"]


class Idempotency(msgspec.Struct, frozen=True):
    """The idempotency key of a submission. The key and the request cannot be read back from the hashes.

    Attributes:
        name: Hash of the caller's account and its key.
        fingerprint: Hash of the request.
    """

    name: str
    fingerprint: str


class BatchPosition(msgspec.Struct, frozen=True):
    """The position of a job in a streamed batch.

    Attributes:
        batch_id: The batch.
        index: Position of the job in the request, from 0.
    """

    batch_id: str
    index: int


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """A complete, checked job.

    Attributes:
        id: Chosen by the gateway, so that it can watch the job before it submits it.
        spec: Everything a worker needs to run the job.
        owner: The caller that may see the job.
        request_id: The HTTP request that submits the job.
        created_at_ms: Unix time of the submission in milliseconds.
        priority: The queue lane.
        labels: The caller's own labels.
        backlog_share: The job is rejected if the backlog is larger than this share of its limit.
        idempotency: If given, the first job with this name is the only one.
        workspace_mode: What happens if another job uses the workspace of the job.
        webhook_url: Where the result is delivered.
        batch: The streamed batch that the job belongs to.
        foreign: The request in the format of the compat API that the job was submitted through.
        has_files: Whether the job refers to files, which are kept until it has finished.
        kept_files: The source files and the inputs, if the caller requested to keep them.
        new_file_ids: Files that were stored for this job. They are deleted if it is not accepted.
    """

    id: str
    spec: JobSpec
    owner: str
    request_id: str
    created_at_ms: int
    priority: Priority = Priority.INTERACTIVE
    labels: dict[str, str] = {}
    backlog_share: float = 1.0
    idempotency: Idempotency | None = None
    webhook_url: str | None = None
    batch: BatchPosition | None = None
    workspace_mode: WorkspaceMode = WorkspaceMode.REJECT
    foreign: ForeignRequest | None = None
    has_files: bool = False
    kept_files: tuple[KeptFile, ...] = ()
    new_file_ids: tuple[str, ...] = ()


def resolve_job(
    request: JobRequest,
    languages: Mapping[str, LanguageInfo],
    caller: Caller,
    *,
    job_id: str,
    request_id: str,
    created_at_ms: int,
    idempotency_key: str | None = None,
    allow_private_webhooks: bool = False,
    stored_files: Mapping[str, StoredFile] | None = None,
) -> NewJob:
    """Check a request and fill in its defaults.

    Args:
        request: The decoded request.
        languages: The installed languages by lower-case name or alias.
        caller: The caller; its tier limits the job.
        job_id: Id of the new job.
        request_id: Id of the HTTP request.
        created_at_ms: Unix time in milliseconds.
        idempotency_key: The caller's idempotency key.
        allow_private_webhooks: Whether webhooks may be delivered to private addresses.
        stored_files: The files that the request refers to, by their ids.

    Raises:
        UnknownLanguage: The language, or this version of it, is not installed.
        InvalidRequest: Names the first invalid field.
    """
    check_labels(request.labels)
    tier = caller.tier
    spec = resolve_spec(request, languages, tier.ceiling, tier.total_limits, stored_files or {})
    if request.webhook_url is not None:
        _check_webhook(request.webhook_url, caller, allow_private_webhooks)
    return NewJob(
        id=job_id,
        spec=spec,
        owner=caller.owner,
        request_id=request_id,
        created_at_ms=created_at_ms,
        priority=_resolve_priority(request.priority, caller.tier),
        labels=request.labels,
        backlog_share=caller.tier.backlog_share,
        idempotency=None if idempotency_key is None else _hash_idempotency(idempotency_key, caller, request),
        webhook_url=request.webhook_url,
        workspace_mode=request.workspace_mode,
        has_files=bool(stored_files),
    )


def _check_webhook(url: str, caller: Caller, allow_private: bool) -> None:
    if caller.is_anonymous:
        raise InvalidRequest("webhook_url", "requires an API key: its secret signs the webhooks")
    check_webhook_url(url, allow_private=allow_private)


def _resolve_priority(priority: Priority | None, tier: Tier) -> Priority:
    if priority is None:
        return tier.priorities[0]
    if priority not in tier.priorities:
        raise InvalidRequest("priority", f"must be one of {', '.join(tier.priorities)}")
    return priority


def hash_idempotency_key(key: str, caller: Caller) -> str:
    """Return the name of an idempotency key of a caller."""
    return hashlib.sha256(f"{caller.account}\n{key}".encode()).hexdigest()


def _hash_idempotency(key: str, caller: Caller, request: JobRequest) -> Idempotency:
    # The order of the fields in the JSON of the request does not matter.
    name = hash_idempotency_key(key, caller)
    fingerprint = hashlib.sha256(msgspec.json.encode(request, order="deterministic")).hexdigest()
    return Idempotency(name, fingerprint)
