"""Authentication of requests by API key, ticket or address, and the check for admin keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from falcon.asgi import Response

from app.core.callers import ANONYMOUS, TIERS, ApiKey, Caller
from app.core.errors import NotAllowed, NotAuthenticated
from app.http.client_address import resolve_client_address
from app.http.request import Request
from app.http.settings import HttpSettings
from app.store.callers.api_keys import ApiKeyStore

__all__ = ["MAX_KEY_CHARACTERS", "Authentication", "Authenticator", "KeyReader", "read_bearer_key"]

# Reads the API key of a request. Returns None if there is no key. Raises NotAuthenticated if the header is malformed.
KeyReader = Callable[[Request], str | None]

MAX_KEY_CHARACTERS: Final = 512
_PUBLIC_ROUTES: Final = frozenset(
    {
        "/livez", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/", "/docs/{name}",
        "/dify/health", "/sandboxfusion/v1/ping",
    }
)  # fmt: skip
# Their ids cannot be guessed.
_PUBLIC_READS: Final = frozenset({"/v1/links/{link_id}"})
_ADMIN_PREFIX: Final = "/v1/admin/"


def read_bearer_key(request: Request) -> str | None:
    """Read the key from ``Authorization: Bearer KEY`` (RFC 6750, section 2.1). Raises NotAuthenticated."""
    header = request.get_header("Authorization")
    if header is None:
        return None
    scheme, _, text = header.strip().partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise NotAuthenticated("the Authorization header must be: Bearer KEY")
    return text.strip()


class Authenticator:
    """Finds the caller for an API key, a ticket or an address."""

    def __init__(self, api_keys: ApiKeyStore, settings: HttpSettings) -> None:
        self._api_keys = api_keys
        self._settings = settings

    async def authenticate_request(self, request: Request, read_key: KeyReader = read_bearer_key) -> Caller:
        """Return the caller of a request. A request without a key has an anonymous caller.

        Raises:
            NotAuthenticated: The key is invalid, or it is missing and the gateway requires one.
            StoreUnavailable: Redis did not answer.
        """
        text = read_key(request)
        return self.anonymous(request.scope) if text is None else await self.authenticate_key(text, request.scope)

    async def authenticate_key(self, text: str, scope: Mapping[str, Any]) -> Caller:
        """Return the caller with an API key. Raises NotAuthenticated, StoreUnavailable.

        Args:
            text: The API key.
            scope: The ASGI connection scope.
        """
        key = await self._api_keys.find(text) if len(text) <= MAX_KEY_CHARACTERS else None
        if key is None:
            raise NotAuthenticated("the API key is invalid, expired or revoked")
        return self._create_caller(key, scope)

    async def redeem_ticket(self, ticket: str, scope: Mapping[str, Any]) -> Caller:
        """Return the caller that created a ticket, and invalidate it. Raises NotAuthenticated, StoreUnavailable.

        Args:
            ticket: The ticket.
            scope: The ASGI connection scope.
        """
        key = await self._api_keys.redeem_ticket(ticket) if len(ticket) <= MAX_KEY_CHARACTERS else None
        if key is None:
            raise NotAuthenticated("the ticket is invalid, used or expired")
        return self._create_caller(key, scope)

    def anonymous(self, scope: Mapping[str, Any]) -> Caller:
        """Return the anonymous caller at the address of a connection.

        Raises:
            NotAuthenticated: The gateway requires an API key.
        """
        tier = self._settings.anonymous_tier
        if tier is None:
            raise NotAuthenticated("an API key is required: Authorization: Bearer KEY")
        address = resolve_client_address(scope, self._settings.trusted_proxies)
        return Caller(owner=ANONYMOUS, account=f"address:{address}", address=address, tier=tier)

    def _create_caller(self, key: ApiKey, scope: Mapping[str, Any]) -> Caller:
        tier = TIERS.get(key.tier)
        if tier is None:
            raise NotAuthenticated("the tier of this API key no longer exists")
        name = f"key:{key.id}"
        address = resolve_client_address(scope, self._settings.trusted_proxies)
        return Caller(
            owner=name,
            account=name,
            address=address,
            tier=tier,
            key_id=key.id,
            key_name=key.name,
            is_admin=key.is_admin,
        )


class Authentication:
    """Falcon middleware that sets ``request.caller``, and that protects the admin routes.

    It checks the matched route, not the path, because a router can match several spellings of a path. It does not
    authenticate WebSockets: their key can be in the first message. A resource of an API that sends its keys in another
    way has an attribute ``read_key``, a KeyReader.
    """

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def process_resource(
        self, request: Request, response: Response, resource: object, params: dict[str, Any]
    ) -> None:
        """Authenticate the caller.

        Raises:
            NotAuthenticated: The key is invalid, or it is missing and the route requires one.
            NotAllowed: The route requires an admin key.
            StoreUnavailable: Redis did not answer.
        """
        if request.uri_template in _PUBLIC_ROUTES or request.method == "OPTIONS":
            return
        if request.uri_template in _PUBLIC_READS and request.method in ("GET", "HEAD"):
            return
        read_key: KeyReader = getattr(resource, "read_key", read_bearer_key)
        request.caller = await self._authenticator.authenticate_request(request, read_key)
        if (request.uri_template or _ADMIN_PREFIX).startswith(_ADMIN_PREFIX):
            _check_admin(request.caller)


def _check_admin(caller: Caller) -> None:
    if caller.is_anonymous:
        raise NotAuthenticated("an admin key is required: Authorization: Bearer KEY")
    if not caller.is_admin:
        raise NotAllowed("an admin key is required")
