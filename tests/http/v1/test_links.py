"""The routes of short links."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.http.conftest import StartGateway
from tests.http.gateway import Gateway
from tests.http.openapi.conformance import assert_conforms

ITEM = "/v1/links/{link_id}"
FRAGMENT = "v1.q1bKSaxMLVKyUqpUqgUA"


async def create(gateway: Gateway, headers: dict[str, str] | None, fragment: str = FRAGMENT) -> httpx.Response:
    response = await gateway.client.post("/v1/links", json={"fragment": fragment}, headers=headers)
    assert_conforms(response, "post", "/v1/links")
    return response


async def test_link_is_created_with_a_key_and_read_by_strangers(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ANONYMOUS="off")
    created = await create(gateway, await gateway.create_caller())
    assert created.status_code == 201
    view = created.json()
    assert created.headers["Location"] == f"/v1/links/{view['id']}"
    assert (view["fragment"], view["link"]) == (FRAGMENT, f"/p/{view['id']}")

    read = await gateway.client.get(f"/v1/links/{view['id']}")

    assert_conforms(read, "get", ITEM)
    assert read.json() == view
    # And even a request whose key is invalid
    assert (await gateway.client.get(f"/v1/links/{view['id']}", headers={"Authorization": "x"})).json() == view
    assert (await gateway.client.delete(f"/v1/links/{view['id']}")).status_code == 401


async def test_anonymous_caller_creates_no_link_by_default(gateway: Gateway) -> None:
    response = await create(gateway, None)
    assert response.status_code == 403
    assert response.json()["detail"] == "this server does not store short links of callers without an API key"


async def test_anonymous_links_are_limited_for_each_address(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_ANONYMOUS_LINKS="2", PYXEC_TRUSTED_PROXIES="127.0.0.1")
    responses = await asyncio.gather(*(create(gateway, {"X-Forwarded-For": "203.0.113.1"}) for _ in range(5)))
    assert sorted(response.status_code for response in responses) == [201, 201, 409, 409, 409]
    assert (await create(gateway, {"X-Forwarded-For": "203.0.113.2"})).status_code == 201


async def test_keys_create_no_links_when_their_quota_is_zero(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_LINKS="0")
    response = await create(gateway, await gateway.create_caller())
    assert response.json()["detail"] == "this server does not store short links of callers"


async def test_deleted_link_frees_the_quota_of_its_caller(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_LINKS="1")
    owner, other = await gateway.create_caller(), await gateway.create_caller()
    path = (await create(gateway, owner)).headers["Location"]
    full = await create(gateway, owner)
    assert (full.status_code, full.json()["type"]) == (409, "/problems/too-many-links")

    foreign = await gateway.client.delete(path, headers=other)
    assert_conforms(foreign, "delete", ITEM)
    assert foreign.status_code == 404
    deleted = await gateway.client.delete(path, headers=owner)
    assert_conforms(deleted, "delete", ITEM)
    assert deleted.status_code == 204
    assert (await gateway.client.get(path)).status_code == 404
    assert (await gateway.client.delete(path, headers=owner)).status_code == 404

    assert (await create(gateway, owner)).status_code == 201


async def test_all_links_together_are_limited(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_LINK_BYTES="65536")
    largest = f"v1.{'x' * 65_000}"
    first = await create(gateway, await gateway.create_caller(), largest)
    assert first.status_code == 201
    full = await create(gateway, await gateway.create_caller(), largest)
    assert (full.status_code, full.json()["detail"]) == (409, "this server has no room for more short links")


async def test_expired_link_is_removed_and_frees_all_quotas(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(PYXEC_LINK_TTL_SECONDS="1", PYXEC_LINKS="1", PYXEC_LINK_BYTES="65536")
    owner = await gateway.create_caller()
    largest = f"v1.{'x' * 65_000}"
    path = (await create(gateway, owner, largest)).headers["Location"]
    await asyncio.sleep(1.1)
    missing = await gateway.client.get(path)
    assert (missing.status_code, missing.json()["detail"]) == (404, "no short link has this id, or it has expired")
    assert (await create(gateway, owner, largest)).status_code == 201
    assert gateway.redis.get(gateway.keys.link_bytes) == b"%d" % len(largest)


@pytest.mark.parametrize(
    "fragment", ["", "v1.", "#v1.abc", "v1.a b", "v1.<script>", "v1.abc\n", "x", f"v1.{'x' * 65_536}"]
)
async def test_text_that_is_no_fragment_is_rejected(gateway: Gateway, fragment: str) -> None:
    response = await create(gateway, await gateway.create_caller(), fragment)
    assert (response.status_code, response.json()["field"]) == (422, "fragment")


@pytest.mark.parametrize("link_id", ["x", "x" * 17, "x" * 15 + ":", "..%2f..%2fjobs%2fxxx"])
async def test_invalid_id_is_not_found(gateway: Gateway, link_id: str) -> None:
    assert (await gateway.client.get(f"/v1/links/{link_id}")).status_code == 404
