"""GET /v1/admin/audit: the audit log."""

from __future__ import annotations

import msgspec
from falcon.asgi import Response

from app.core.timestamps import Timestamp, format_timestamp
from app.http.request import Request
from app.http.responses import send_json
from app.http.v1.job_list import read_page_size
from app.store.admin.audit_log import AuditEntry, AuditLog, AuditOutcome

__all__ = ["AuditLogView", "AuditResource"]


class AuditEntryView(msgspec.Struct, frozen=True, kw_only=True):
    """An action of an administrator.

    ``actor`` is the id of the admin key, ``operator`` for the key of PYXEC_ADMIN_KEY_FILE, or ``command-line`` for a
    ``pyxec keys`` command without an API key. ``action`` is an operation id of this document, and ``target`` the path
    of the changed object. ``address`` and ``request_id`` are None for a command. ``outcome`` is ``unknown`` while the
    action runs, and for an action whose process was killed.
    """

    at: Timestamp
    actor: str
    actor_name: str
    address: str | None
    action: str
    target: str
    request_id: str | None
    outcome: AuditOutcome


class AuditLogView(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the audit log, newest first.

    Pass ``next`` as ``after`` to get the next page. It is None on the last page.
    """

    entries: list[AuditEntryView]
    next: str | None


class AuditResource:
    """GET /v1/admin/audit."""

    def __init__(self, audit_log: AuditLog) -> None:
        self._audit_log = audit_log

    async def on_get(self, request: Request, response: Response) -> None:
        """Send a page of entries. Raises InvalidRequest."""
        limit, after = read_page_size(request), request.get_param("after") or None
        entries, next_cursor = await self._audit_log.read_page(after, limit)
        send_json(response, 200, AuditLogView(entries=[_create_view(entry) for entry in entries], next=next_cursor))

    on_head = on_get


def _create_view(entry: AuditEntry) -> AuditEntryView:
    return AuditEntryView(
        at=format_timestamp(entry.at_ms),
        actor=entry.actor,
        actor_name=entry.actor_name,
        address=entry.address,
        action=entry.action,
        target=entry.target,
        request_id=entry.request_id,
        outcome=entry.outcome,
    )
