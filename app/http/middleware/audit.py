"""Writes every change through the administration API to the audit log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import structlog
from falcon.asgi import Response

from app.core.errors import StoreUnavailable
from app.http.request import Request
from app.store.admin.audit_log import AuditEntry, AuditLog, AuditOutcome

__all__ = ["AuditTrail"]

_log = structlog.get_logger("pyxec.http")


class AuditTrail:
    """Falcon middleware. It follows Authentication, which rejects callers without an admin key.

    The entry is written before the action: if Redis refuses it, the action is not carried out.

    Args:
        audit_log: The log.
        actions: The name of each action, by its route and method.
        now_ms: Returns the current time in Unix milliseconds.
    """

    def __init__(self, audit_log: AuditLog, actions: Mapping[tuple[str, str], str], now_ms: Callable[[], int]) -> None:
        self._audit_log = audit_log
        self._actions = actions
        self._now_ms = now_ms

    async def process_resource(
        self, request: Request, response: Response, resource: object, params: dict[str, Any]
    ) -> None:
        """Write the entry of an action. Raises StoreUnavailable."""
        action = self._actions.get((request.uri_template or "", request.method))
        if action is None:
            return
        caller = request.caller
        entry = AuditEntry(
            at_ms=self._now_ms(),
            actor=caller.key_id or "",
            actor_name=caller.key_name or "",
            address=caller.address,
            action=action,
            target=request.path,
            request_id=request.request_id,
        )
        request.context.audit = await self._audit_log.start(entry), entry

    async def process_response(self, request: Request, response: Response, resource: object, succeeded: bool) -> None:
        """Add the outcome of the action. If Redis does not answer, it stays unknown."""
        entry_id, entry = getattr(request.context, "audit", (None, None))
        if entry_id is None or entry is None:
            return
        outcome = AuditOutcome.SUCCEEDED if response.status_code < 400 else AuditOutcome.FAILED
        target = response.get_header("Location") or entry.target
        try:
            await self._audit_log.complete(entry_id, msgspec.structs.replace(entry, outcome=outcome, target=target))
        except StoreUnavailable as e:
            _log.warning("audit_outcome_lost", request_id=request.request_id, error=str(e))
