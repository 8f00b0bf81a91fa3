"""Token buckets: so many at once, then so many a minute, shared by every gateway; nothing is kept for ever."""

from __future__ import annotations

import asyncio
import time

import pytest
import redis.asyncio

from app.store.keys import StoreKeys
from app.store.limiter import RedisRateLimiter


def limiter(client: redis.asyncio.Redis, keys: StoreKeys, *, per_second: float, burst: int) -> RedisRateLimiter:
    return RedisRateLimiter(client, keys, rate_per_minute=int(per_second * 60), burst=burst)


async def test_a_full_bucket_gives_its_burst_and_then_says_how_long_to_wait(
    aclient: redis.asyncio.Redis, keys: StoreKeys
) -> None:
    slow = limiter(aclient, keys, per_second=1 / 60, burst=5)

    allowed = [await slow.take("me") for _ in range(5)]
    refused = await slow.take("me")

    assert [allowance.remaining for allowance in allowed] == [4, 3, 2, 1, 0]
    assert all(allowance.limit == 5 and allowance.retry_after_seconds == 0 for allowance in allowed)
    assert refused.remaining == 0
    assert 58 < refused.retry_after_seconds <= 60
    assert 298 < refused.reset_seconds <= 300


async def test_a_refusal_takes_nothing(aclient: redis.asyncio.Redis, keys: StoreKeys) -> None:
    slow = limiter(aclient, keys, per_second=1 / 60, burst=3)
    await slow.take("me", cost=2)

    refused = await slow.take("me", cost=2)

    assert refused.retry_after_seconds > 0
    assert refused.remaining == 1
    assert (await slow.take("me")).retry_after_seconds == 0


async def test_whoever_waits_as_long_as_told_is_let_through(aclient: redis.asyncio.Redis, keys: StoreKeys) -> None:
    fast = limiter(aclient, keys, per_second=10, burst=1)
    await fast.take("me")
    refused = await fast.take("me")
    assert 0 < refused.retry_after_seconds <= 0.1

    await asyncio.sleep(refused.retry_after_seconds)

    assert (await fast.take("me")).retry_after_seconds == 0


async def test_the_rate_is_right_within_two_percent(aclient: redis.asyncio.Redis, keys: StoreKeys) -> None:
    steady = limiter(aclient, keys, per_second=400, burst=200)

    began, passed = time.monotonic(), 0
    while time.monotonic() - began < 2:
        allowance = await steady.take("me")
        passed += allowance.retry_after_seconds == 0
        await asyncio.sleep(min(0.01, allowance.retry_after_seconds))
    seconds = time.monotonic() - began

    # The burst, and what flowed in. A machine too busy to ask often enough lets less through than it might.
    assert passed <= (200 + 400 * seconds) * 1.02
    assert passed >= (200 + 400 * seconds) * 0.98


async def test_two_gateways_share_a_bucket_and_two_callers_do_not(
    aclient: redis.asyncio.Redis, keys: StoreKeys, url: str
) -> None:
    async with redis.asyncio.Redis.from_url(url) as other:
        pair = [limiter(client, keys, per_second=1 / 60, burst=4) for client in (aclient, other)]

        passed = [(await pair[number % 2].take("me")).retry_after_seconds == 0 for number in range(6)]

        assert passed == [True] * 4 + [False] * 2
        assert (await pair[0].take("you")).remaining == 3


async def test_takes_at_the_same_moment_let_exactly_the_burst_through(
    aclient: redis.asyncio.Redis, keys: StoreKeys
) -> None:
    slow = limiter(aclient, keys, per_second=1 / 60, burst=10)

    allowances = await asyncio.gather(*(slow.take("me") for _ in range(40)))

    assert sum(allowance.retry_after_seconds == 0 for allowance in allowances) == 10


async def test_no_bucket_is_kept_longer_than_it_takes_to_fill(aclient: redis.asyncio.Redis, keys: StoreKeys) -> None:
    slow = limiter(aclient, keys, per_second=1, burst=10)

    await slow.take("me", cost=3)

    assert 0 < await aclient.pttl(keys.bucket("me")) <= 3000


@pytest.mark.parametrize("rate_per_minute", [7, 59, 10**6, 60 * 10**6, 10**8, 10**9])
async def test_every_rate_that_can_be_set_works(
    aclient: redis.asyncio.Redis, keys: StoreKeys, rate_per_minute: int
) -> None:
    bucket = RedisRateLimiter(aclient, keys, rate_per_minute=rate_per_minute, burst=100)

    allowances = [await bucket.take("me") for _ in range(100)]

    assert all(allowance.retry_after_seconds == 0 for allowance in allowances)
    assert all(0 <= allowance.remaining <= 100 for allowance in allowances)
    name = keys.bucket("me")
    assert await aclient.pttl(name) != -1  # it is gone already, or will be


async def test_a_refusal_for_less_than_a_microsecond_is_one_all_the_same(
    aclient: redis.asyncio.Redis, keys: StoreKeys
) -> None:
    bucket = RedisRateLimiter(aclient, keys, rate_per_minute=10**9, burst=1)

    assert (await bucket.take("me", cost=10)).retry_after_seconds > 0
