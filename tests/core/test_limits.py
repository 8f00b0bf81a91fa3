"""The table of limits and its resolution."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidRequest
from app.core.limits import LIMITS, MIB, LimitOverrides, Limits, resolve_limits

NOTHING = LimitOverrides()
numbers = st.one_of(st.integers(), st.floats(), st.none())


def test_limits_have_the_same_names_everywhere() -> None:
    assert list(LIMITS) == list(Limits.__struct_fields__) == list(LimitOverrides.__struct_fields__)


@pytest.mark.parametrize("name", LIMITS)
def test_limit_range_contains_its_default(name: str) -> None:
    row = LIMITS[name]
    assert 0 < row.minimum <= row.default <= row.maximum
    assert row.description
    assert getattr(resolve_limits(NOTHING, NOTHING), name) == row.default


@pytest.mark.parametrize("name", LIMITS)
def test_resolve_limits_accepts_both_ends_of_the_range(name: str) -> None:
    row = LIMITS[name]
    step = 1 if row.minimum == int(row.minimum) and not name.endswith("_seconds") else 1e-6
    for value in (row.minimum, row.maximum):
        assert getattr(resolve_limits(LimitOverrides(**{name: value}), NOTHING), name) == value
    for value in (row.minimum - step, row.maximum + step, 0, -1, math.nan, math.inf, -math.inf, 10**400):
        with pytest.raises(InvalidRequest, match="must be between") as refused:
            resolve_limits(LimitOverrides(**{name: value}), NOTHING)
        assert refused.value.field == f"limits.{name}"


def test_resolve_limits_prefers_request_over_language_over_table() -> None:
    language = LimitOverrides(processes=128, open_files=512)

    limits = resolve_limits(LimitOverrides(processes=2), language)

    assert (limits.processes, limits.open_files, limits.wall_seconds) == (2, 512, LIMITS["wall_seconds"].default)


def test_stack_is_as_large_as_the_memory_unless_it_is_set() -> None:
    def resolve_stack(requested: LimitOverrides, language: LimitOverrides = NOTHING) -> int:
        return resolve_limits(requested, language).stack_bytes

    assert resolve_stack(LimitOverrides(memory_bytes=32 * MIB)) == 32 * MIB
    assert resolve_stack(NOTHING, LimitOverrides(memory_bytes=512 * MIB)) == 512 * MIB
    assert resolve_stack(LimitOverrides(memory_bytes=32 * MIB, stack_bytes=64 * MIB)) == 64 * MIB


def test_limits_that_an_earlier_version_queued_have_its_stack() -> None:
    limits = msgspec.structs.asdict(resolve_limits(NOTHING, NOTHING))
    del limits["stack_bytes"]

    assert msgspec.convert(limits, Limits).stack_bytes == 64 * MIB


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(LIMITS, numbers)))
def test_resolve_limits_resolves_or_rejects_any_limits(requested: dict[str, int | float | None]) -> None:
    try:
        limits = resolve_limits(LimitOverrides(**requested), NOTHING)  # type: ignore[arg-type]
    except InvalidRequest as e:
        assert e.field.removeprefix("limits.") in requested  # noqa: PT017 - it may be refused, it need not
        return
    for name, row in LIMITS.items():
        value = getattr(limits, name)
        assert row.minimum <= value <= row.maximum
        assert type(value) is (float if name.endswith("_seconds") else int)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(limits), type=Limits) == limits
