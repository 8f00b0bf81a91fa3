"""Token buckets and places: so many at once, then so many a minute, shared by every gateway; nothing kept for ever."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import pytest
import redis.asyncio

from app.core.callers import Caller
from app.core.submission import Admission, Refusal
from app.core.tiers import Tier
from app.store.admissions import AdmissionStore, buckets_of
from app.store.keys import StoreKeys
from tests.store.live_store import LiveStore, new_job

TIER = Tier(
    name="test", rate_per_minute=60, burst=5, address_rate_per_minute=10**6, unfinished_jobs=10**6, backlog_share=1
)
ME = Caller(owner="key:me", account="key:me", address="192.0.2.1", tier=TIER, key_id="me")


def caller(name: str = "me", *, address: str = "192.0.2.1", **tier: Any) -> Caller:
    changed = msgspec.structs.replace(TIER, **tier)
    return Caller(owner=f"key:{name}", account=f"key:{name}", address=address, tier=changed, key_id=name)


def nobody(address: str = "192.0.2.1", **tier: Any) -> Caller:
    changed = msgspec.structs.replace(TIER, **tier)
    return Caller(owner="anonymous", account=f"address:{address}", address=address, tier=changed)


def admissions(client: redis.asyncio.Redis, keys: StoreKeys, global_rate: int = 10**9) -> AdmissionStore:
    return AdmissionStore(client, keys, global_rate_per_minute=global_rate)


_numbers = iter(range(10**9))


async def ask(asked: AdmissionStore, who: Caller, jobs: int = 1) -> Admission:
    return await asked.admit(who, [f"job-{next(_numbers)}" for _ in range(jobs)])


@pytest.fixture
def gate(aclient: redis.asyncio.Redis, keys: StoreKeys) -> AdmissionStore:
    return admissions(aclient, keys)


async def test_a_full_bucket_gives_its_burst_and_then_says_how_long_to_wait(gate: AdmissionStore) -> None:
    slow = caller(rate_per_minute=1)

    allowed = [await ask(gate, slow) for _ in range(5)]
    refused = await ask(gate, slow)

    assert [admission.remaining for admission in allowed] == [4, 3, 2, 1, 0]
    assert all((one.through, one.limit, one.refused_by) == (1, 5, None) for one in allowed)
    assert all(one.retry_after_seconds == 0 for one in allowed)
    assert (refused.through, refused.remaining, refused.refused_by) == (0, 0, Refusal.RATE)
    assert 58 < refused.retry_after_seconds <= 60
    assert 298 < refused.reset_seconds <= 300


async def test_a_refusal_takes_nothing_from_any_bucket(
    gate: AdmissionStore, aclient: redis.asyncio.Redis, keys: StoreKeys
) -> None:
    slow = caller(rate_per_minute=1, address_rate_per_minute=1)
    await ask(gate, slow, jobs=5)
    before = [await aclient.get(keys.bucket(name)) for name, _, _ in buckets_of(slow, 10**9)]

    await ask(gate, slow)

    assert [await aclient.get(keys.bucket(name)) for name, _, _ in buckets_of(slow, 10**9)][:2] == before[:2]


async def test_of_a_batch_as_many_pass_as_there_are_tokens(gate: AdmissionStore) -> None:
    slow = caller(rate_per_minute=1)

    first = await ask(gate, slow, jobs=3)
    second = await ask(gate, slow, jobs=4)

    assert (first.through, first.refused_by) == (3, None)
    assert (second.through, second.remaining, second.refused_by) == (2, 0, Refusal.RATE)


async def test_whoever_waits_as_long_as_told_is_let_through(gate: AdmissionStore) -> None:
    fast = caller(rate_per_minute=600, burst=1)
    await ask(gate, fast)
    refused = await ask(gate, fast)
    assert 0 < refused.retry_after_seconds <= 0.1

    await asyncio.sleep(refused.retry_after_seconds)

    assert (await ask(gate, fast)).through == 1


async def test_the_rate_is_right_within_two_percent(gate: AdmissionStore) -> None:
    steady = caller(rate_per_minute=400 * 60, burst=200)

    began, passed = time.monotonic(), 0
    while time.monotonic() - began < 2:
        admission = await ask(gate, steady, jobs=20)
        passed += admission.through
        await asyncio.sleep(min(0.01, admission.retry_after_seconds))
    seconds = time.monotonic() - began

    # The burst, and what flowed in. A machine too busy to ask often enough lets less through than it might.
    assert passed <= (200 + 400 * seconds) * 1.02
    assert passed >= (200 + 400 * seconds) * 0.98


async def test_four_gateways_share_a_bucket_and_two_callers_do_not(keys: StoreKeys, url: str) -> None:
    clients = [redis.asyncio.Redis.from_url(url) for _ in range(4)]
    gates = [admissions(client, keys) for client in clients]
    slow = caller(rate_per_minute=1, burst=10)

    passed = [await ask(gates[number % 4], slow) for number in range(16)]

    assert [one.through for one in passed] == [1] * 10 + [0] * 6
    assert (await ask(gates[0], caller("you", rate_per_minute=1))).remaining == 4
    for client in clients:
        await client.aclose()


async def test_at_the_same_moment_exactly_the_burst_passes(gate: AdmissionStore) -> None:
    slow = caller(rate_per_minute=1, burst=10)

    asked = await asyncio.gather(*(ask(gate, slow) for _ in range(40)))

    assert sum(one.through for one in asked) == 10


async def test_keys_at_one_address_share_a_bucket_too(gate: AdmissionStore) -> None:
    # Given a tier of whose keys one address may use so many a minute in all; a shared bucket holds at least 1000
    tier = {"burst": 600, "address_rate_per_minute": 60, "rate_per_minute": 60}

    first = await ask(gate, caller("a", **tier), jobs=600)
    second = await ask(gate, caller("b", **tier), jobs=600)
    elsewhere = await ask(gate, caller("c", address="192.0.2.2", **tier), jobs=600)

    assert (first.through, second.through, elsewhere.through) == (600, 400, 600)
    assert (second.refused_by, second.limit) == (Refusal.RATE, 1000)


async def test_all_callers_together_share_one(aclient: redis.asyncio.Redis, keys: StoreKeys) -> None:
    gate = admissions(aclient, keys, global_rate=60)

    first = await ask(gate, caller("a", burst=700), jobs=700)
    second = await ask(gate, nobody(burst=700), jobs=700)

    assert (first.through, second.through) == (700, 300)
    # What is left for all is told to nobody who was not stopped by it.
    assert (first.limit, second.limit) == (700, 1000)


async def test_an_address_without_a_key_is_a_caller_of_its_own(gate: AdmissionStore) -> None:
    slow = {"rate_per_minute": 1, "burst": 2}
    assert [(await ask(gate, nobody(**slow))).through for _ in range(3)] == [1, 1, 0]
    assert (await ask(gate, nobody("192.0.2.2", **slow))).through == 1


async def test_no_bucket_is_kept_longer_than_it_takes_to_fill(
    gate: AdmissionStore, aclient: redis.asyncio.Redis, keys: StoreKeys
) -> None:
    await ask(gate, caller(), jobs=3)

    assert 0 < await aclient.pttl(keys.bucket("key:me")) <= 3000


@pytest.mark.parametrize("rate_per_minute", [7, 59, 10**6, 60 * 10**6, 10**8, 10**9])
async def test_every_rate_that_can_be_set_works(
    gate: AdmissionStore, aclient: redis.asyncio.Redis, keys: StoreKeys, rate_per_minute: int
) -> None:
    who = caller(rate_per_minute=rate_per_minute, burst=100)

    asked = [await ask(gate, who) for _ in range(100)]

    assert all(one.through == 1 for one in asked)
    assert all(0 <= one.remaining <= 100 for one in asked)
    assert await aclient.pttl(keys.bucket("key:me")) != -1  # it is gone already, or will be


# --- places


async def test_no_more_jobs_than_places_are_unfinished_at_one_time(store: LiveStore) -> None:
    # Given a caller with two places, both taken by jobs that wait
    gate = AdmissionStore(store.jobs._reads, store.keys, global_rate_per_minute=10**9)
    who = caller(burst=1000, unfinished_jobs=2)
    for name in ("a", "b"):
        assert (await gate.admit(who, [name])).through == 1
        await store.jobs.submit(new_job(name))
    # When a third comes
    refused = await gate.admit(who, ["c"])
    # Then it has to wait
    assert (refused.through, refused.refused_by) == (0, Refusal.PLACES)
    assert refused.retry_after_seconds > 0
    # And may come when one of the others has finished, not before
    delivery = store.take()
    store.begin(delivery, "a")
    assert (await gate.admit(who, ["c"])).through == 0
    store.finish(delivery, "a")
    assert [(await gate.admit(who, [name])).through for name in ("c", "d")] == [1, 0]


async def test_jobs_that_come_at_once_take_no_more_than_the_places_that_are_free(gate: AdmissionStore) -> None:
    who = caller(burst=1000, unfinished_jobs=7)

    asked = await asyncio.gather(*(ask(gate, who, jobs=2) for _ in range(10)))

    assert sum(one.through for one in asked) == 7


async def test_a_place_that_is_given_back_is_free(gate: AdmissionStore) -> None:
    who = caller(burst=1000, unfinished_jobs=1)
    await gate.admit(who, ["a"])
    assert (await gate.admit(who, ["b"])).through == 0

    await gate.release(who, ["a"])

    assert (await gate.admit(who, ["b"])).through == 1


async def test_a_place_whose_job_never_came_is_free_after_a_while(
    gate: AdmissionStore, aclient: redis.asyncio.Redis, keys: StoreKeys
) -> None:
    # Given a place that a gateway took before it was killed
    who = caller(burst=1000, unfinished_jobs=1)
    await gate.admit(who, ["a"])
    assert (await gate.admit(who, ["b"])).through == 0
    # When two minutes have gone by
    await aclient.zincrby(keys.places("key:me"), -121_000, "a")
    # Then it is free
    assert (await gate.admit(who, ["b"])).through == 1


async def test_a_refused_place_costs_a_token_so_that_asking_has_its_price(gate: AdmissionStore) -> None:
    who = caller(rate_per_minute=1, burst=5, unfinished_jobs=1)

    asked = [await ask(gate, who) for _ in range(6)]

    assert [one.refused_by for one in asked] == [None, *[Refusal.PLACES] * 4, Refusal.RATE]


async def test_places_are_not_kept_for_ever(
    gate: AdmissionStore, aclient: redis.asyncio.Redis, keys: StoreKeys
) -> None:
    await ask(gate, caller())

    assert 0 < await aclient.ttl(keys.places("key:me")) <= 86_400


async def test_one_question_is_one_command(gate: AdmissionStore, client: redis.Redis) -> None:
    await ask(gate, caller())  # the script is known to the server from now on
    with client.monitor() as monitor:
        await ask(gate, caller())
        await gate._client.ping()
        seen = []
        while not (command := monitor.next_command())["command"].startswith("PING"):
            seen.append((command["client_type"], command["command"].split()[0]))
    assert [verb for source, verb in seen if source != "lua"] == ["EVALSHA"]
