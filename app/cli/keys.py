"""``pyxec keys``: make, list and revoke API keys.

With an admin key in PYXEC_API_KEY the service is asked. Without one the store is: whoever can reach it on its host
needs no key, and the first one has to come from somewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from app.cli.credentials import has_key
from app.cli.job_options import DEFAULT_URL, Json, Url

if TYPE_CHECKING:
    from app.cli.admin_client import Key, NewKey
    from app.core.callers import ApiKey
    from app.store.api_keys import ApiKeyStore

__all__ = ["keys"]

keys = typer.Typer(help="API keys: make, list, revoke.", no_args_is_help=True)
Answer = TypeVar("Answer")


@keys.command()
def create(
    name: Annotated[str, typer.Option("--name", help="Whose key it is, for people.")] = "cli",
    tier: Annotated[str, typer.Option("--tier", help="limited, standard or trusted.")] = "standard",
    admin: Annotated[bool, typer.Option("--admin", help="May do everything below /v1/admin.")] = False,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Make a key and print it, this once. On stdout is the key alone."""
    from app.cli.json_output import print_json
    from app.cli.notes import note

    made = _create(url, name, tier, admin)
    if as_json:
        print_json(made)
        return
    note(f"key {made.id}, tier {made.tier}{', admin' if made.admin else ''}; webhooks are signed with")
    note(f"  {made.webhook_secret}")
    note("neither is ever shown again")
    typer.echo(made.key)


@keys.command("list")
def list_keys(url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """List the keys that there are."""
    from app.cli.json_output import print_json

    found = _list(url)
    if as_json:
        print_json(found)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "name", "tier", "admin", "created")
    for key in found:
        table.add_row(key.id, key.name, key.tier, "yes" if key.admin else "", key.created_at)
    Console().print(table)


@keys.command()
def revoke(key_id: Annotated[str, typer.Argument(metavar="ID")], url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Make a key worthless. Its jobs run on."""
    from app.cli.json_output import print_json

    _revoke(url, key_id)
    if as_json:
        print_json({"revoked": key_id})


def _revoke(url: str, key_id: str) -> None:
    if has_key():
        from app.cli.admin_client import Admin

        Admin(url).revoke_key(key_id)
        return
    from app.core.errors import NotFound

    if not _with_store(lambda api_keys: api_keys.revoke(key_id)):
        raise NotFound("there is no key with this id")


def _create(url: str, name: str, tier: str, admin: bool) -> NewKey:
    from app.cli.admin_client import Admin, NewKey
    from app.core.errors import InvalidRequest
    from app.core.tiers import TIERS

    if has_key():
        return Admin(url).create_key(name, tier, admin)
    if tier not in TIERS:
        raise InvalidRequest("tier", f"must be one of {', '.join(TIERS)}")
    from app.core.timestamps import moment
    from app.wiring.connections import now_ms

    made = _with_store(lambda api_keys: api_keys.create(name, tier, admin, now_ms()))
    return NewKey(
        id=made.key.id,
        name=name,
        tier=tier,
        admin=admin,
        created_at=moment(made.key.created_at_ms),
        key=made.text,
        webhook_secret=made.webhook_secret,
    )


def _list(url: str) -> Sequence[Key]:
    from app.cli.admin_client import Admin

    return Admin(url).keys() if has_key() else [_shown(key) for key in _with_store(lambda api_keys: api_keys.list())]


def _shown(key: ApiKey) -> Key:
    from app.cli.admin_client import Key
    from app.core.timestamps import moment

    return Key(id=key.id, name=key.name, tier=key.tier, admin=key.is_admin, created_at=moment(key.created_at_ms))


def _with_store(ask: Callable[[ApiKeyStore], Awaitable[Answer]]) -> Answer:
    from app.config import ConfigurationError, read_settings
    from app.core.errors import StoreUnavailable
    from app.wiring.api_keys import create_api_keys

    async def run() -> Answer:
        return await ask(create_api_keys(read_settings()))

    try:
        return asyncio.run(run())
    except ConfigurationError as e:
        raise typer.BadParameter(str(e)) from e
    except StoreUnavailable as e:
        raise StoreUnavailable(f"there is no admin key in PYXEC_API_KEY, and REDIS_URL cannot be reached: {e}") from e
