"""Token buckets and concurrency slots on a real server."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import pytest
import redis
import redis.asyncio

from app.core.callers import Caller, Tier
from app.core.errors import IdempotencyMismatch, QueueFull, RateLimit, RateLimited, TooManyJobs
from app.core.job.job_input import Input, InputKind
from app.core.job.submission import Idempotency, NewJob
from app.store.admin.administration import Administration
from app.store.callers.admission import SLOT_SECONDS, RateLimiter, buckets_of_caller
from app.store.keys import JOBS_QUEUE, StoreKeys
from tests.store.live_store import TTL_SECONDS, LiveStore, new_job, store_on

TIER = Tier(
    name="test",
    rate_per_minute=60,
    burst=5,
    address_rate_per_minute=10**6,
    unfinished_jobs=10**6,
    storage_bytes=2**40,
    file_bytes=1,
    backlog_share=1,
)


def caller(name: str = "me", *, address: str = "192.0.2.1", **tier: Any) -> Caller:
    changed = msgspec.structs.replace(TIER, **tier)
    return Caller(owner=f"key:{name}", account=f"key:{name}", address=address, tier=changed, key_id=name)


def anonymous_caller(address: str = "192.0.2.1", **tier: Any) -> Caller:
    changed = msgspec.structs.replace(TIER, **tier)
    return Caller(owner="anonymous", account=f"address:{address}", address=address, tier=changed)


def current_job(job_id: str, **changes: Any) -> NewJob:
    """Return a job with the current creation time, because slots expire by the server's clock."""
    return msgspec.structs.replace(new_job(job_id, created_at_ms=int(time.time() * 1000)), **changes)


def rate_limiter(client: redis.asyncio.Redis, keys: StoreKeys, global_rate: int = 10**9) -> RateLimiter:
    return RateLimiter(client, keys, global_rate_per_minute=global_rate)


async def charge(limiter: RateLimiter, charged: Caller) -> RateLimit | RateLimited:
    """Take a token without the cached rejection, so that Redis is queried."""
    limiter._rejections.clear()
    try:
        return await limiter.charge(charged)
    except RateLimited as e:
        return e


async def count_admitted(limiter: RateLimiter, charged: Caller, requests: int) -> int:
    return sum([isinstance(await charge(limiter, charged), RateLimit) for _ in range(requests)])


@pytest.fixture
def limiter(aclient: redis.asyncio.Redis, keys: StoreKeys) -> RateLimiter:
    return rate_limiter(aclient, keys)


async def test_charge_reports_the_state_of_the_bucket(limiter: RateLimiter) -> None:
    slow = caller(rate_per_minute=1)

    admitted = [await limiter.charge(slow) for _ in range(5)]
    with pytest.raises(RateLimited) as rejected:
        await limiter.charge(slow)

    assert [rate_limit.remaining for rate_limit in admitted] == [4, 3, 2, 1, 0]
    assert {rate_limit.limit for rate_limit in admitted} == {5}
    assert 58 < rejected.value.retry_after_seconds <= 60
    assert rejected.value.rate_limit is not None
    assert rejected.value.rate_limit.remaining == 0
    assert 298 < rejected.value.rate_limit.reset_seconds <= 300


async def test_rejection_takes_no_token_from_any_bucket(
    limiter: RateLimiter, aclient: redis.asyncio.Redis, keys: StoreKeys
) -> None:
    slow = caller(rate_per_minute=1, address_rate_per_minute=1)
    await count_admitted(limiter, slow, 5)
    names = [bucket.name for bucket in buckets_of_caller(slow, 10**9)][:2]
    before = [await aclient.get(keys.bucket(name)) for name in names]

    await charge(limiter, slow)

    assert [await aclient.get(keys.bucket(name)) for name in names] == before


async def test_charge_succeeds_after_the_clock_of_redis_was_set_back(
    limiter: RateLimiter, aclient: redis.asyncio.Redis, keys: StoreKeys
) -> None:
    slow = caller(rate_per_minute=1)
    await count_admitted(limiter, slow, 5)
    # Given buckets that were empty when the clock was set back by an hour
    for bucket in buckets_of_caller(slow, 10**9):
        full_at_us = int(await aclient.get(keys.bucket(bucket.name)) or 0)
        await aclient.set(keys.bucket(bucket.name), full_at_us + 3_600 * 10**6, px=3_600_000)

    # Then they are full
    assert await count_admitted(limiter, slow, 6) == 5


async def test_charge_succeeds_after_retry_after_seconds(limiter: RateLimiter) -> None:
    fast = caller(rate_per_minute=600, burst=1)
    await limiter.charge(fast)
    with pytest.raises(RateLimited) as rejected:
        await limiter.charge(fast)
    assert 0 < rejected.value.retry_after_seconds <= 0.1

    await asyncio.sleep(rejected.value.retry_after_seconds)

    await limiter.charge(fast)


async def test_cached_rejection_sends_no_command(limiter: RateLimiter, client: redis.Redis) -> None:
    slow = caller(rate_per_minute=1, burst=1)
    await charge(limiter, slow)
    await charge(limiter, slow)
    before = client.info("commandstats")["cmdstat_evalsha"]["calls"]

    with pytest.raises(RateLimited) as rejected:
        limiter.check_cached_rejection(slow)
    with pytest.raises(RateLimited):
        await limiter.charge(slow)

    assert 50 < rejected.value.retry_after_seconds <= 60
    assert client.info("commandstats")["cmdstat_evalsha"]["calls"] == before


async def test_rate_is_exact_within_two_percent(limiter: RateLimiter) -> None:
    steady = caller(rate_per_minute=100 * 60, burst=100)

    started, admitted = time.monotonic(), 0
    while time.monotonic() - started < 2:
        admitted += await count_admitted(limiter, steady, 10)
        await asyncio.sleep(0.005)
    while isinstance(
        await charge(limiter, steady), RateLimit
    ):  # take tokens that flowed in during pauses of a slow machine
        admitted += 1
    seconds = time.monotonic() - started

    assert (100 + 100 * seconds) * 0.98 <= admitted <= (100 + 100 * seconds) * 1.02


async def test_bucket_is_shared_by_gateways_and_not_by_callers(keys: StoreKeys, url: str) -> None:
    clients = [redis.asyncio.Redis.from_url(url) for _ in range(4)]
    limiters = [rate_limiter(client, keys) for client in clients]
    slow = caller(rate_per_minute=1, burst=10)

    admitted = [await count_admitted(limiters[number % 4], slow, 1) for number in range(16)]

    assert admitted == [1] * 10 + [0] * 6
    assert (await limiters[0].charge(caller("you", rate_per_minute=1))).remaining == 4
    for client in clients:
        await client.aclose()


async def test_concurrent_charges_take_exactly_the_burst(limiter: RateLimiter) -> None:
    slow = caller(rate_per_minute=1, burst=10)

    admitted = await asyncio.gather(*(count_admitted(limiter, slow, 1) for _ in range(40)))

    assert sum(admitted) == 10


async def test_keys_at_one_address_share_a_bucket(limiter: RateLimiter) -> None:
    # Given a tier whose keys share a bucket of 1000 tokens at each address
    tier = {"burst": 600, "address_rate_per_minute": 1, "rate_per_minute": 1}

    first = await count_admitted(limiter, caller("a", **tier), 600)
    second = await count_admitted(limiter, caller("b", **tier), 600)
    elsewhere = await count_admitted(limiter, caller("c", address="192.0.2.2", **tier), 600)

    assert (first, second, elsewhere) == (600, 400, 600)
    rejection = await charge(limiter, caller("b", **tier))
    assert isinstance(rejection, RateLimited)
    assert rejection.rate_limit is not None
    assert rejection.rate_limit.limit == 1000


async def test_bucket_of_all_callers_is_reported_only_when_it_is_empty(
    aclient: redis.asyncio.Redis, keys: StoreKeys
) -> None:
    limiter = rate_limiter(aclient, keys, global_rate=1)

    first = await charge(limiter, caller("a", burst=2000))
    await count_admitted(limiter, caller("a", burst=2000), 999)
    second = await charge(limiter, anonymous_caller(burst=700))

    assert isinstance(first, RateLimit)
    assert isinstance(second, RateLimited)
    assert second.rate_limit is not None
    assert (first.limit, second.rate_limit.limit) == (2000, 1000)


async def test_anonymous_callers_have_a_bucket_for_each_address(limiter: RateLimiter) -> None:
    slow = {"rate_per_minute": 1, "burst": 2}
    assert [await count_admitted(limiter, anonymous_caller(**slow), 1) for _ in range(3)] == [1, 1, 0]
    assert await count_admitted(limiter, anonymous_caller("192.0.2.2", **slow), 1) == 1


async def test_bucket_expires_when_it_is_full(
    limiter: RateLimiter, aclient: redis.asyncio.Redis, keys: StoreKeys
) -> None:
    await count_admitted(limiter, caller(), 3)

    assert 0 < await aclient.pttl(keys.bucket("key:me")) <= 3000


@pytest.mark.parametrize("rate_per_minute", [7, 59, 10**6, 60 * 10**6, 10**8, 10**9])
async def test_charge_supports_every_configurable_rate(
    limiter: RateLimiter, aclient: redis.asyncio.Redis, keys: StoreKeys, rate_per_minute: int
) -> None:
    charged = caller(rate_per_minute=rate_per_minute, burst=100)

    rate_limits = [await limiter.charge(charged) for _ in range(100)]

    assert all(0 <= rate_limit.remaining <= 100 for rate_limit in rate_limits)
    assert await aclient.pttl(keys.bucket("key:me")) != -1


async def test_submit_frees_the_slot_when_the_job_finishes(store: LiveStore) -> None:
    limited = caller(burst=1000, unfinished_jobs=2)
    for job_id in ("a", "b"):
        await store.submit(current_job(job_id), limited)
    with pytest.raises(TooManyJobs) as rejected:
        await store.submit(current_job("c"), limited)
    assert rejected.value.retry_after_seconds > 0
    assert store.job_keys("c") == []

    delivery = store.take()
    claim = store.claim(delivery, "a")
    with pytest.raises(TooManyJobs):
        await store.submit(current_job("c"), limited)
    assert claim.account == limited.account
    store.finish(delivery, "a")

    await store.submit(current_job("c"), limited)
    with pytest.raises(TooManyJobs):
        await store.submit(current_job("d"), limited)


async def test_submit_frees_the_slot_when_a_queued_job_is_cancelled(store: LiveStore) -> None:
    limited = caller(burst=1000, unfinished_jobs=1)
    await store.submit(current_job("a"), limited)

    await store.jobs.send("a", Input(InputKind.CANCEL))

    await store.submit(current_job("b"), limited)


async def test_submit_frees_the_slot_when_the_job_is_dead_lettered(store: LiveStore) -> None:
    limited = caller(burst=1000, unfinished_jobs=1)
    await store.submit(current_job("a"), limited)

    store.dead_letter(store.take())

    await store.submit(current_job("b"), limited)


async def test_guarantee_7_slots_are_counted_exactly_when_newer_jobs_finish_first(url: str, namespace: str) -> None:
    """1,500 slots, 1,000 unfinished jobs and 500 newer jobs that have finished: 500 slots are free."""
    limited = caller(rate_per_minute=10**6, burst=10**6, unfinished_jobs=1_500)
    async with store_on(url, namespace, max_backlog=10_000) as store:
        await submit_all(store, limited, [f"job-{number}" for number in range(1_500)])
        with pytest.raises(TooManyJobs):
            await store.submit(current_job("one-too-many"), limited)

        for number in range(1_000, 1_500):
            await store.jobs.send(f"job-{number}", Input(InputKind.CANCEL))

        await submit_all(store, limited, [f"new-{number}" for number in range(500)])
        with pytest.raises(TooManyJobs):
            await store.submit(current_job("one-too-many"), limited)
        assert store.client.zcard(store.keys.slots("key:me")) == 1_500


async def submit_all(store: LiveStore, limited: Caller, job_ids: list[str]) -> None:
    for start in range(0, len(job_ids), 20):
        batch = job_ids[start : start + 20]
        await asyncio.gather(*(store.submit(current_job(job_id), limited) for job_id in batch))


async def test_guarantee_7_replayed_job_takes_a_slot_until_it_finishes(store: LiveStore) -> None:
    limited = caller(burst=1000, unfinished_jobs=1)
    await store.submit(current_job("a"), limited)
    store.dead_letter(store.take())
    [dead_letter] = store.broker.dead_letters(JOBS_QUEUE)
    await Administration(store.broker, store.keys, TTL_SECONDS).replay(JOBS_QUEUE, dead_letter.id)

    with pytest.raises(TooManyJobs):
        await store.submit(current_job("b"), limited)
    delivery = store.take()
    store.claim(delivery, "a")
    store.finish(delivery, "a")

    await store.submit(current_job("b"), limited)


async def test_concurrent_submissions_take_no_more_slots_than_the_tier_has(store: LiveStore) -> None:
    limited = caller(burst=1000, unfinished_jobs=7)

    results = await asyncio.gather(
        *(store.submit(current_job(f"job-{number}"), limited) for number in range(20)), return_exceptions=True
    )

    assert sum(isinstance(result, TooManyJobs) for result in results) == 13
    assert store.client.zcard(store.keys.slots("key:me")) == 7


async def test_slot_expires_after_a_day(store: LiveStore) -> None:
    # Given a job whose slot was not freed within a day
    limited = caller(burst=1000, unfinished_jobs=1)
    now_ms = int(time.time() * 1000)
    await store.submit(current_job("a", created_at_ms=now_ms - 1000 * SLOT_SECONDS - 1000), limited)

    await store.submit(current_job("b", created_at_ms=now_ms), limited)

    assert store.client.zrange(store.keys.slots("key:me"), 0, -1) == [b"b"]
    assert 0 < store.client.ttl(store.keys.slots("key:me")) <= SLOT_SECONDS


async def test_submit_takes_a_token_when_all_slots_are_taken(store: LiveStore) -> None:
    limited = caller(rate_per_minute=1, burst=3, unfinished_jobs=1)

    await store.submit(current_job("a"), limited)
    for error in (TooManyJobs, TooManyJobs, RateLimited):
        with pytest.raises(error) as rejected:
            await store.submit(current_job("b"), limited)
        assert type(rejected.value) is error


async def test_submit_takes_a_token_and_no_slot_when_the_queue_is_full(url: str, namespace: str) -> None:
    async with store_on(url, namespace, max_backlog=1) as store:
        await store.submit(current_job("a"), caller())

        with pytest.raises(QueueFull) as rejected:
            await store.submit(current_job("b"), caller())

        assert rejected.value.rate_limit is not None
        assert rejected.value.rate_limit.remaining == 3
        assert store.client.zcard(store.keys.slots("key:me")) == 1


async def test_submit_takes_no_token_for_an_idempotent_repetition(store: LiveStore) -> None:
    job = current_job("a", idempotency=Idempotency("name", "fingerprint"))
    await store.submit(job, caller())

    receipt = await store.submit(current_job("b", idempotency=job.idempotency), caller())

    assert (receipt.job_id, receipt.created, receipt.rate_limit) == ("a", False, None)
    next_receipt = await store.submit(current_job("c"), caller())
    assert next_receipt.rate_limit is not None
    assert next_receipt.rate_limit.remaining == 3


async def test_submit_takes_a_token_for_an_idempotency_mismatch(store: LiveStore) -> None:
    job = current_job("a", idempotency=Idempotency("name", "fingerprint"))
    await store.submit(job, caller())

    with pytest.raises(IdempotencyMismatch) as rejected:
        await store.submit(current_job("b", idempotency=Idempotency("name", "another")), caller())

    assert rejected.value.rate_limit is not None
    assert rejected.value.rate_limit.remaining == 3


async def test_charge_sends_one_command(
    limiter: RateLimiter, client: redis.Redis, aclient: redis.asyncio.Redis
) -> None:
    await limiter.charge(caller())  # the server knows the script from here on
    with client.monitor() as monitor:
        await limiter.charge(caller())
        await aclient.ping()
        commands = []
        while not (command := monitor.next_command())["command"].startswith("PING"):
            commands.append((command["client_type"], command["command"].split()[0]))
    assert [verb for source, verb in commands if source != "lua"] == ["EVALSHA"]
