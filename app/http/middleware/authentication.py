"""Who asks: from the headers of a request, or from what a WebSocket says first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from falcon.asgi import Response

from app.core.callers import ANONYMOUS, ApiKey, Caller
from app.core.errors import NotAllowed, NotAuthenticated
from app.core.tiers import TIERS
from app.http.client_address import resolve_client_address
from app.http.request import Request
from app.http.settings import HttpSettings
from app.store.api_keys import ApiKeyStore

__all__ = ["MAX_KEY_CHARACTERS", "Authentication", "Authenticator", "KeyReader", "read_bearer_key"]

# Where a request has its key, None where it has none. Raises NotAuthenticated for what is there and cannot be one.
KeyReader = Callable[[Request], str | None]

MAX_KEY_CHARACTERS: Final = 512
_OPEN: Final = frozenset({"/livez", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/", "/docs/{name}"})
_ADMIN: Final = "/v1/admin/"


def read_bearer_key(request: Request) -> str | None:
    """Ours: ``Authorization: Bearer KEY``."""
    header = request.get_header("Authorization")
    if header is None:
        return None
    scheme, _, text = header.strip().partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise NotAuthenticated("the Authorization header must be: Bearer KEY")
    return text.strip()


class Authenticator:
    """Turns keys, tickets and their absence into callers."""

    def __init__(self, api_keys: ApiKeyStore, settings: HttpSettings) -> None:
        self._api_keys = api_keys
        self._settings = settings

    async def authenticate_request(self, request: Request, read_key: KeyReader = read_bearer_key) -> Caller:
        """Raises NotAuthenticated: the key is none, or there is none and one is needed; StoreUnavailable."""
        text = read_key(request)
        return self.anonymous(request.scope) if text is None else await self.authenticate_key(text, request.scope)

    async def authenticate_key(self, text: str, scope: Mapping[str, Any]) -> Caller:
        """Raises NotAuthenticated, StoreUnavailable."""
        key = await self._api_keys.find(text) if len(text) <= MAX_KEY_CHARACTERS else None
        if key is None:
            raise NotAuthenticated("the API key is invalid or revoked")
        return self._caller(key, scope)

    async def redeem_ticket(self, ticket: str, scope: Mapping[str, Any]) -> Caller:
        """Raises NotAuthenticated, StoreUnavailable."""
        key = await self._api_keys.redeem_ticket(ticket) if len(ticket) <= MAX_KEY_CHARACTERS else None
        if key is None:
            raise NotAuthenticated("the ticket is invalid, used or expired")
        return self._caller(key, scope)

    def anonymous(self, scope: Mapping[str, Any]) -> Caller:
        """Whoever is at this address. Raises NotAuthenticated where nobody may come without a key."""
        tier = self._settings.anonymous_tier
        if tier is None:
            raise NotAuthenticated("an API key is required: Authorization: Bearer KEY")
        address = resolve_client_address(scope, self._settings.trusted_proxies)
        return Caller(owner=ANONYMOUS, account=f"address:{address}", address=address, tier=tier)

    def _caller(self, key: ApiKey, scope: Mapping[str, Any]) -> Caller:
        tier = TIERS.get(key.tier)
        if tier is None:
            raise NotAuthenticated("the tier of this API key no longer exists")
        name = f"key:{key.id}"
        address = resolve_client_address(scope, self._settings.trusted_proxies)
        return Caller(owner=name, account=name, address=address, tier=tier, key_id=key.id, is_admin=key.is_admin)


class Authentication:
    """Falcon middleware: nobody reaches a route without being known, as somebody or as anonymous, except the few that
    are open to all.

    It goes by the route that was found, not by the path: a router may take two spellings of a path for one. WebSockets
    are not looked at here: they may tell who they are after they were accepted. A resource of an API whose clients send
    their key in another way has a ``read_key`` of its own.
    """

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def process_resource(
        self, request: Request, response: Response, resource: object, params: dict[str, Any]
    ) -> None:
        """Raises NotAuthenticated, NotAllowed, StoreUnavailable."""
        if request.uri_template in _OPEN or request.method == "OPTIONS":
            return
        read_key: KeyReader = getattr(resource, "read_key", read_bearer_key)
        request.caller = await self._authenticator.authenticate_request(request, read_key)
        if (request.uri_template or _ADMIN).startswith(_ADMIN):
            _check_admin(request.caller)


def _check_admin(caller: Caller) -> None:
    if caller.is_anonymous:
        raise NotAuthenticated("an admin key is required: Authorization: Bearer KEY")
    if not caller.is_admin:
        raise NotAllowed("an admin key is required")
