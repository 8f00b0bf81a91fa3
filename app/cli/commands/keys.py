"""``pyxec keys``: creates, lists, rotates and revokes API keys.

With an admin key in PYXEC_API_KEY, the command calls the service. Without one, it writes to Redis directly, which is
how the first key is created.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from pyxec.cli.job_options import DEFAULT_URL, Json, Url

if TYPE_CHECKING:
    from app.cli.admin_client import Key, NewKey, RotatedKey
    from app.core.callers import ApiKey
    from app.store.admin.audit_log import AuditLog
    from app.store.callers.api_keys import ApiKeyStore

__all__ = ["keys"]

keys = typer.Typer(help="API keys: create, list, rotate, revoke.", no_args_is_help=True)
T = TypeVar("T")
_DAY_SECONDS: Final = 86_400


@keys.command()
def create(
    name: Annotated[str, typer.Option("--name", help="Name of the owner.")] = "cli",
    tier: Annotated[str, typer.Option("--tier", help="limited, standard or trusted.")] = "standard",
    admin: Annotated[bool, typer.Option("--admin", help="Permit the administration API.")] = False,
    days: Annotated[
        int | None, typer.Option("--expires-in-days", min=1, max=3650, help="How long it is valid. Default: no limit.")
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Create a key. Stdout contains only the key, which is not shown again."""
    from pyxec.cli.json_output import print_json
    from pyxec.cli.notes import note

    created = _create(url, name, tier, admin, None if days is None else days * _DAY_SECONDS)
    if as_json:
        print_json(created)
        return
    note(f"key {created.id}, tier {created.tier}{', admin' if created.admin else ''}; webhook secret:")
    note(f"  {created.webhook_secret}")
    if created.expires_at is not None:
        note(f"the key expires at {created.expires_at}")
    note("the key and the secret are not shown again")
    typer.echo(created.key)


@keys.command("list")
def list_keys(url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """List all keys."""
    from pyxec.cli.json_output import print_json

    all_keys = _list(url)
    if as_json:
        print_json(all_keys)
        return
    from rich.table import Table

    from pyxec.cli.tables import print_table

    table = Table("id", "name", "tier", "admin", "created", "last used", "expires")
    for key in all_keys:
        times = (key.created_at, key.last_used_at or "never", key.expires_at or "")
        table.add_row(key.id, key.name, key.tier, "yes" if key.admin else "", *times)
    print_table(table, "There are no API keys. `pyxec keys create` creates one.")


@keys.command()
def rotate(
    key_id: Annotated[str, typer.Argument(metavar="ID")],
    grace_hours: Annotated[
        int, typer.Option("--grace-hours", min=0, max=720, help="How long the previous key stays valid.")
    ] = 0,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Replace the text of a key. Its jobs, files and webhook secret stay. Stdout contains only the new key."""
    from pyxec.cli.json_output import print_json
    from pyxec.cli.notes import note

    rotated = _rotate(url, key_id, grace_hours * 3600)
    if as_json:
        print_json(rotated)
        return
    until = rotated.previous_expires_at
    note("the previous key is invalid" if until is None else f"the previous key is valid until {until}")
    note("the new key is not shown again")
    typer.echo(rotated.key)


@keys.command()
def revoke(key_id: Annotated[str, typer.Argument(metavar="ID")], url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Revoke a key. Its jobs continue."""
    from pyxec.cli.json_output import print_json

    _revoke(url, key_id)
    if as_json:
        print_json({"revoked": key_id})


def _revoke(url: str, key_id: str) -> None:
    from app.cli.admin_client import AdminClient, has_api_key

    if has_api_key():
        AdminClient(url).revoke_key(key_id)
        return
    _change_store("revokeKey", f"/v1/admin/keys/{key_id}", lambda api_keys: _require_key(api_keys.revoke(key_id)))


def _rotate(url: str, key_id: str, grace_seconds: int) -> RotatedKey:
    from app.cli.admin_client import AdminClient, RotatedKey, has_api_key

    if has_api_key():
        return AdminClient(url).rotate_key(key_id, grace_seconds)
    from app.core.timestamps import format_optional_timestamp

    rotated = _change_store(
        "rotateKey",
        f"/v1/admin/keys/{key_id}/rotate",
        lambda api_keys: _require_key(api_keys.rotate(key_id, grace_seconds)),
    )
    return RotatedKey(
        **_key_fields(rotated.key),
        key=rotated.text,
        previous_expires_at=format_optional_timestamp(rotated.previous_expires_at_ms),
    )


def _create(url: str, name: str, tier: str, admin: bool, expires_in_seconds: int | None) -> NewKey:
    from app.cli.admin_client import AdminClient, NewKey, has_api_key
    from app.core.callers import TIERS
    from app.core.errors import InvalidRequest

    if has_api_key():
        return AdminClient(url).create_key(name, tier, admin, expires_in_seconds)
    if tier not in TIERS:
        raise InvalidRequest("tier", f"must be one of {', '.join(TIERS)}")
    from app.core.timestamps import current_unix_ms

    created = _change_store(
        "createKey",
        "/v1/admin/keys",
        lambda api_keys: api_keys.create(name, tier, admin, current_unix_ms(), expires_in_seconds),
        lambda new_key: f"/v1/admin/keys/{new_key.key.id}",
    )
    return NewKey(**_key_fields(created.key), key=created.text, webhook_secret=created.webhook_secret)


def _list(url: str) -> Sequence[Key]:
    from app.cli.admin_client import AdminClient, Key, has_api_key

    if has_api_key():
        return AdminClient(url).keys()
    return [Key(**_key_fields(key)) for key in _with_store(lambda api_keys, _: api_keys.list())]


def _key_fields(key: ApiKey) -> dict[str, Any]:
    from app.core.timestamps import format_optional_timestamp, format_timestamp

    return {
        "id": key.id,
        "name": key.name,
        "tier": key.tier,
        "admin": key.is_admin,
        "created_at": format_timestamp(key.created_at_ms),
        "expires_at": format_optional_timestamp(key.expires_at_ms),
        "last_used_at": format_optional_timestamp(key.last_used_at_ms),
    }


async def _require_key(reply: Awaitable[T | None]) -> T:
    """Return the reply. Raises NotFound if it is None or False: no key has the id."""
    from app.core.errors import NotFound

    if not (found := await reply):
        raise NotFound("no key has this id")
    return found


def _change_store(
    action: str,
    target: str,
    operation: Callable[[ApiKeyStore], Awaitable[T]],
    describe_target: Callable[[T], str] | None = None,
) -> T:
    """Change the keys in Redis, and write the action to the audit log, as the API does.

    Args:
        action: Operation id of the route that makes the same change.
        target: Path of the changed object.
        operation: The change.
        describe_target: Returns the path of an object that the change has created.
    """
    import getpass
    import platform

    import msgspec

    from app.core.errors import PyxecError
    from app.core.timestamps import current_unix_ms
    from app.store.admin.audit_log import AuditEntry, AuditOutcome

    entry = AuditEntry(
        at_ms=current_unix_ms(),
        actor="command-line",
        actor_name=f"{getpass.getuser()}@{platform.node()}",
        address=None,
        action=action,
        target=target,
        request_id=None,
    )

    async def run(api_keys: ApiKeyStore, audit_log: AuditLog) -> T:
        entry_id = await audit_log.start(entry)
        try:
            result = await operation(api_keys)
        except PyxecError:
            await audit_log.complete(entry_id, msgspec.structs.replace(entry, outcome=AuditOutcome.FAILED))
            raise
        changed = target if describe_target is None else describe_target(result)
        succeeded = msgspec.structs.replace(entry, outcome=AuditOutcome.SUCCEEDED, target=changed)
        await audit_log.complete(entry_id, succeeded)
        return result

    return _with_store(run)


def _with_store(operation: Callable[[ApiKeyStore, AuditLog], Awaitable[T]]) -> T:
    from app.config import ConfigurationError, read_settings
    from app.core.errors import PyxecError, StoreUnavailable
    from app.wiring.gateway import create_api_keys, create_audit_log

    async def run() -> T:
        settings = read_settings()
        return await operation(create_api_keys(settings), create_audit_log(settings))

    try:
        return asyncio.run(run())
    except ConfigurationError as e:
        raise PyxecError(str(e)) from e
    except StoreUnavailable as e:
        raise StoreUnavailable(f"PYXEC_API_KEY has no admin key, and Redis (REDIS_URL) cannot be reached: {e}") from e
