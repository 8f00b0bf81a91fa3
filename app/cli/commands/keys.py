"""``pyxec keys``: creates, lists and revokes API keys.

With an admin key in PYXEC_API_KEY, the command calls the service. Without one, it writes to Redis directly, which is
how the first key is created.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from pyxec.cli.job_options import DEFAULT_URL, Json, Url

if TYPE_CHECKING:
    from app.cli.admin_client import Key, NewKey
    from app.core.callers import ApiKey
    from app.store.api_keys import ApiKeyStore

__all__ = ["keys"]

keys = typer.Typer(help="API keys: create, list, revoke.", no_args_is_help=True)
T = TypeVar("T")


@keys.command()
def create(
    name: Annotated[str, typer.Option("--name", help="Name of the owner.")] = "cli",
    tier: Annotated[str, typer.Option("--tier", help="limited, standard or trusted.")] = "standard",
    admin: Annotated[bool, typer.Option("--admin", help="Permit the administration API.")] = False,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Create a key. Stdout contains only the key, which is not shown again."""
    from pyxec.cli.json_output import print_json
    from pyxec.cli.notes import note

    created = _create(url, name, tier, admin)
    if as_json:
        print_json(created)
        return
    note(f"key {created.id}, tier {created.tier}{', admin' if created.admin else ''}; webhook secret:")
    note(f"  {created.webhook_secret}")
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

    table = Table("id", "name", "tier", "admin", "created")
    for key in all_keys:
        table.add_row(key.id, key.name, key.tier, "yes" if key.admin else "", key.created_at)
    print_table(table, "There are no API keys. `pyxec keys create` creates one.")


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
    from app.core.errors import NotFound

    if not _with_store(lambda api_keys: api_keys.revoke(key_id)):
        raise NotFound("no key has this id")


def _create(url: str, name: str, tier: str, admin: bool) -> NewKey:
    from app.cli.admin_client import AdminClient, NewKey, has_api_key
    from app.core.callers import TIERS
    from app.core.errors import InvalidRequest

    if has_api_key():
        return AdminClient(url).create_key(name, tier, admin)
    if tier not in TIERS:
        raise InvalidRequest("tier", f"must be one of {', '.join(TIERS)}")
    from app.core.timestamps import current_unix_ms, format_timestamp

    created = _with_store(lambda api_keys: api_keys.create(name, tier, admin, current_unix_ms()))
    return NewKey(
        id=created.key.id,
        name=name,
        tier=tier,
        admin=admin,
        created_at=format_timestamp(created.key.created_at_ms),
        key=created.text,
        webhook_secret=created.webhook_secret,
    )


def _list(url: str) -> Sequence[Key]:
    from app.cli.admin_client import AdminClient, has_api_key

    if has_api_key():
        return AdminClient(url).keys()
    return [_to_key(key) for key in _with_store(lambda api_keys: api_keys.list())]


def _to_key(key: ApiKey) -> Key:
    from app.cli.admin_client import Key
    from app.core.timestamps import format_timestamp

    return Key(
        id=key.id, name=key.name, tier=key.tier, admin=key.is_admin, created_at=format_timestamp(key.created_at_ms)
    )


def _with_store(operation: Callable[[ApiKeyStore], Awaitable[T]]) -> T:
    from app.config import ConfigurationError, read_settings
    from app.core.errors import PyxecError, StoreUnavailable
    from app.wiring.gateway import create_api_keys

    async def run() -> T:
        return await operation(create_api_keys(read_settings()))

    try:
        return asyncio.run(run())
    except ConfigurationError as e:
        raise PyxecError(str(e)) from e
    except StoreUnavailable as e:
        raise StoreUnavailable(f"PYXEC_API_KEY has no admin key, and Redis (REDIS_URL) cannot be reached: {e}") from e
