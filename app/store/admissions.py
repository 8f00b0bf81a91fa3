"""Who may submit how much: token buckets, and places for unfinished jobs, asked and taken in one script."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
from redis.asyncio import Redis

from app.broker import Precondition
from app.core.callers import Caller
from app.core.submission import Admission, Refusal
from app.core.tiers import Tier
from app.store.errors import translated
from app.store.keys import StoreKeys
from app.store.scripts import StoreScript, source_of

__all__ = ["AdmissionStore", "Bucket", "Question", "buckets_of"]

_ADMIT: Final = source_of("admit")
_MICROSECONDS: Final = 1_000_000
# From the request's first byte to the job's record; the gateway reads no body for longer than half of this.
_GRACE_MS: Final = 120_000
_OLD_PLACES: Final = 1_000
_MOST_CALLERS: Final = 10_000
_NO_PLACE_RETRY_SECONDS: Final = 2.0
# A bucket of many callers holds what flows into it in so many seconds; never less than one batch.
_SHARED_BURST_SECONDS: Final = 2
_SMALLEST_SHARED_BURST: Final = 1_000

# The same function without a job's enqueue around it.
_ALONE: Final = f"local function admit(keys, args)\n{_ADMIT}\nend\nlocal _, reply = admit(KEYS, ARGV)\nreturn reply"

Bucket = tuple[str, int, int]  # name, tokens a minute, burst


@dataclass(kw_only=True)
class Question(Precondition):
    """May this caller submit so many jobs? ``asked_at`` is of the monotonic clock, before the question left."""

    caller: Caller
    buckets: Sequence[Bucket]
    jobs: int
    asked_at: float = field(default_factory=time.monotonic)


@dataclass(slots=True, frozen=True)
class _Terms:
    """What is the same in every question of a caller, as it is sent."""

    tier: Tier
    buckets: Sequence[Bucket]
    keys: Sequence[str]
    args: Sequence[str]


class AdmissionStore:
    """Rate limits and concurrency slots of callers (asyncio).

    Parameters:
        global_rate_per_minute: for all callers together.
    """

    def __init__(self, client: Redis, keys: StoreKeys, *, global_rate_per_minute: int) -> None:
        self._client = client
        self._keys = keys
        self._global_rate = global_rate_per_minute
        self._refusals = _Refusals()
        self._terms: dict[tuple[str, str], _Terms] = {}
        self._script = StoreScript(client, _ALONE)

    async def admit(self, caller: Caller, job_ids: Sequence[str]) -> Admission:
        """See the port."""
        question = self.question(caller, job_ids)
        with translated():
            question.reply = await self._script(question.keys, question.args)
        return self.read(question)

    def question(self, caller: Caller, job_ids: Sequence[str]) -> Question:
        """The same, for the broker to ask in the step that enqueues a job."""
        terms = self._terms_of(caller)
        args: list[str | int] = [len(job_ids), *terms.args, *job_ids]
        return Question(_ADMIT, terms.keys, args, caller=caller, buckets=terms.buckets, jobs=len(job_ids))

    def _terms_of(self, caller: Caller) -> _Terms:
        place = caller.account, caller.address
        terms = self._terms.get(place)
        if terms is None or terms.tier is not caller.tier:
            if len(self._terms) >= _MOST_CALLERS:
                self._terms.clear()
            terms = self._terms[place] = self._new_terms(caller)
        return terms

    def _new_terms(self, caller: Caller) -> _Terms:
        buckets = buckets_of(caller, self._global_rate)
        keys = [self._keys.places(caller.account), *(self._keys.bucket(name) for name, _, _ in buckets)]
        numbers: list[float] = []
        for _, rate_per_minute, burst in buckets:
            numbers += (60 * _MICROSECONDS / rate_per_minute, burst)
        args = [caller.tier.unfinished_jobs, self._keys.record(""), _GRACE_MS, _OLD_PLACES, *numbers]
        return _Terms(caller.tier, buckets, keys, [str(one) for one in args])

    def read(self, answered: Question) -> Admission:
        """What the answer says."""
        admission = _read(answered.reply, answered.buckets, answered.jobs)
        if admission.refused_by is Refusal.RATE and not admission.through:
            self._refusals.remember(answered.caller, admission, answered.asked_at)
        return admission

    def known_refusal(self, caller: Caller) -> Admission | None:
        """See the port."""
        return self._refusals.of(caller, time.monotonic())

    async def release(self, caller: Caller, job_ids: Sequence[str]) -> None:
        """See the port."""
        with translated():
            await self._client.zrem(self._keys.places(caller.account), *job_ids)


class _Refusals:
    """Who was refused lately, and until when nothing else can be said: until then nobody has to ask Redis, or to read
    the body of a request. Each process knows its own; that is for its protection, the limit is kept by the script."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, str], tuple[float, Admission]] = {}

    def remember(self, caller: Caller, admission: Admission, asked_at: float) -> None:
        if len(self._until) >= _MOST_CALLERS:
            self._until.clear()
        self._until[caller.account, caller.address] = (asked_at + admission.retry_after_seconds, admission)

    def of(self, caller: Caller, now: float) -> Admission | None:
        until, admission = self._until.get((caller.account, caller.address), (0.0, None))
        if admission is None:
            return None
        if (left := until - now) <= 0:
            del self._until[caller.account, caller.address]
            return None
        passed = admission.retry_after_seconds - left
        reset_seconds = max(left, admission.reset_seconds - passed)
        return msgspec.structs.replace(admission, retry_after_seconds=left, reset_seconds=reset_seconds)


def buckets_of(caller: Caller, global_rate_per_minute: int) -> list[Bucket]:
    """The buckets that a caller takes from; the last one is everybody's."""
    tier = caller.tier
    own = (caller.account, tier.rate_per_minute, tier.burst)
    everybody = ("all", global_rate_per_minute, _shared_burst(global_rate_per_minute))
    if caller.is_anonymous:
        return [own, everybody]
    address = (
        f"{tier.name}:{caller.address}",
        tier.address_rate_per_minute,
        _shared_burst(tier.address_rate_per_minute),
    )
    return [own, address, everybody]


def _shared_burst(rate_per_minute: int) -> int:
    return max(_SMALLEST_SHARED_BURST, rate_per_minute * _SHARED_BURST_SECONDS // 60)


def _read(reply: Sequence[int], buckets: Sequence[Bucket], asked: int) -> Admission:
    through, stopped_by, *states = reply
    lefts = [(states[3 * i], states[3 * i + 1], burst) for i, (_, _, burst) in enumerate(buckets)]
    # What is left for all is nobody's business, unless it is what stopped the caller.
    told = lefts if stopped_by == len(buckets) else lefts[:-1]
    remaining, reset_us, limit = min(told)
    refused_by = None if through == asked else Refusal.PLACES if stopped_by < 0 else Refusal.RATE
    return Admission(
        through=through,
        limit=limit,
        remaining=remaining,
        reset_seconds=reset_us / _MICROSECONDS,
        refused_by=refused_by,
        retry_after_seconds=_retry_after(refused_by, states),
    )


def _retry_after(refused_by: Refusal | None, states: Sequence[int]) -> float:
    if refused_by is None:
        return 0
    if refused_by is Refusal.PLACES:
        return _NO_PLACE_RETRY_SECONDS
    return max(1, *states[2::3]) / _MICROSECONDS
