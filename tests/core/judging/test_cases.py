"""The resolution of test cases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.constraints import MAX_ARGUMENTS, MAX_CASE_NAME_CHARACTERS, MAX_CASES, MAX_STDIN_BYTES
from app.core.errors import InvalidRequest
from app.core.judging import cases as module
from app.core.judging.cases import CaseDefaults, CaseLimits, CaseRequest, CaseSpec, resolve_cases
from app.core.judging.comparison import CompareMode, Comparison, ComparisonRequest
from app.core.limits import LIMITS, LimitOverrides, Limits, resolve_limits

SURROGATE = "\ud800"


def limits(**requested: float) -> Limits:
    return resolve_limits(LimitOverrides(**requested), LimitOverrides())  # type: ignore[arg-type]


def defaults(
    *, stdin: bytes = b"job", args: tuple[str, ...] = ("-x",), ceiling: LimitOverrides | None = None, **requested: float
) -> CaseDefaults:
    return CaseDefaults(stdin, args, limits(**requested), ceiling or LimitOverrides())


def case(**fields: Any) -> CaseRequest:
    return CaseRequest(**fields)


def resolve_case(request: CaseRequest, inherited: CaseDefaults | None = None) -> CaseSpec:
    (spec,) = resolve_cases([request], inherited or defaults())
    return spec


def test_resolve_cases_returns_nothing_without_tests() -> None:
    assert resolve_cases([], defaults()) == ()


def test_resolve_cases_inherits_from_the_job() -> None:
    first, second = resolve_cases([case(), case()], defaults(wall_seconds=7))

    assert (first.name, second.name) == ("1", "2")
    assert (first.stdin, first.args, first.expected_output) == (b"job", ("-x",), None)
    assert first.limits == limits(wall_seconds=7)


def test_resolve_cases_keeps_empty_values() -> None:
    own = case(name="größe", stdin="", args=(), expected_output="", limits=CaseLimits(cpu_seconds=2, open_files=32))

    spec = resolve_case(own, defaults(cpu_seconds=9))

    assert (spec.name, spec.stdin, spec.args, spec.expected_output) == ("größe", b"", (), b"")
    assert (spec.limits.cpu_seconds, spec.limits.open_files) == (2.0, 32)
    assert spec.limits.wall_seconds == LIMITS["wall_seconds"].default


def test_resolve_cases_divides_the_output_limit_among_many_tests() -> None:
    most = int(LIMITS["output_bytes"].maximum)

    cases = resolve_cases([case() for _ in range(4)], defaults(output_bytes=most))

    assert [spec.limits.output_bytes for spec in cases] == [most // 4] * 4


def test_resolve_cases_keeps_the_output_limit_for_few_tests() -> None:
    assert resolve_case(case(), defaults(output_bytes=100)).limits.output_bytes == 100


@pytest.mark.parametrize(
    ("field", "request_"),
    [
        ("tests[0].name", case(name="")),
        ("tests[0].name", case(name="a\nb")),
        ("tests[0].name", case(name=SURROGATE)),
        ("tests[0].name", case(name="x" * (MAX_CASE_NAME_CHARACTERS + 1))),
        ("tests[0].stdin", case(stdin=SURROGATE)),
        ("tests[0].stdin", case(stdin="x" * (MAX_STDIN_BYTES + 1))),
        ("tests[0].stdin", case(stdin="ü" * (MAX_STDIN_BYTES // 2 + 1))),
        ("tests[0].args[1]", case(args=("a", "b\0"))),
        ("tests[0].args", case(args=("",) * (MAX_ARGUMENTS + 1))),
        ("tests[0].expected_output", case(expected_output=SURROGATE)),
        ("tests[0].limits.wall_seconds", case(limits=CaseLimits(wall_seconds=0))),
        ("tests[0].limits.wall_seconds", case(limits=CaseLimits(wall_seconds=float("nan")))),
        ("tests[0].limits.cpu_seconds", case(limits=CaseLimits(cpu_seconds=301))),
        ("tests[0].limits.output_bytes", case(limits=CaseLimits(output_bytes=0))),
        ("tests[0].limits.open_files", case(limits=CaseLimits(open_files=15))),
    ],
)
def test_resolve_cases_names_the_invalid_field(field: str, request_: CaseRequest) -> None:
    with pytest.raises(InvalidRequest) as refused:
        resolve_case(request_)

    assert refused.value.field == field


def test_resolve_cases_names_the_invalid_test() -> None:
    with pytest.raises(InvalidRequest) as refused:
        resolve_cases([case(), case(), case(name="")], defaults())

    assert refused.value.field == "tests[2].name"


def test_resolve_cases_applies_the_ceiling() -> None:
    ceiling = LimitOverrides(cpu_seconds=5)

    with pytest.raises(InvalidRequest, match=r"tests\[0\]\.limits\.cpu_seconds: must be between 0\.1 and 5 s"):
        resolve_case(case(limits=CaseLimits(cpu_seconds=6)), defaults(ceiling=ceiling, cpu_seconds=5))


@pytest.mark.parametrize(
    ("names", "at"), [(("a", "a"), 1), (("2", None), 1), ((None, "b", "1"), 2)], ids=["twice", "number", "of another"]
)
def test_resolve_cases_rejects_duplicate_names(names: tuple[str | None, ...], at: int) -> None:
    with pytest.raises(InvalidRequest, match="is a duplicate") as refused:
        resolve_cases([case(name=name) for name in names], defaults())

    assert refused.value.field == f"tests[{at}].name"


def test_resolve_cases_limits_the_number_of_tests() -> None:
    assert len(resolve_cases([case()] * MAX_CASES, defaults(wall_seconds=1))) == MAX_CASES

    with pytest.raises(InvalidRequest, match=f"tests: must be at most {MAX_CASES}"):
        resolve_cases([case()] * (MAX_CASES + 1), defaults(wall_seconds=1))


def test_resolve_cases_limits_the_total_wall_time() -> None:
    resolve_cases([case()] * 4, defaults(wall_seconds=250))

    with pytest.raises(InvalidRequest, match="wall_seconds together"):
        resolve_cases([case()] * 4, defaults(wall_seconds=250.1))


def test_resolve_cases_limits_the_total_output() -> None:
    half = CaseLimits(output_bytes=module.MAX_OUTPUT_BYTES // 2)
    resolve_cases([case(limits=half)] * 2, defaults())

    with pytest.raises(InvalidRequest, match="output_bytes together"):
        resolve_cases([case(limits=half), case(limits=half), case()], defaults())


@pytest.mark.parametrize("character", ["x", "ü"])
def test_resolve_cases_limits_the_total_size(character: str) -> None:
    third = character * (module.MAX_CASES_BYTES // 3 // len(character.encode()))
    resolve_cases([case(stdin=third, expected_output=third)], defaults())

    with pytest.raises(InvalidRequest, match="tests: must be at most"):
        resolve_cases([case(stdin=third, expected_output=third), case(stdin=third, args=("abc",))], defaults())


def test_resolve_cases_counts_inherited_values_for_each_test() -> None:
    """Otherwise a request of a few hundred bytes could create a record of hundreds of megabytes."""
    job = defaults(stdin=bytes(MAX_STDIN_BYTES))
    resolve_cases([case(), case(args=())], defaults(stdin=bytes(MAX_STDIN_BYTES - 2)))

    with pytest.raises(InvalidRequest, match=r"tests: must be at most .* including what each inherits from the job"):
        resolve_cases([case()] * 3, job)


@given(
    st.lists(
        st.builds(
            CaseRequest,
            name=st.none() | st.text(max_size=5),
            stdin=st.none() | st.text(max_size=5),
            args=st.none() | st.lists(st.text(max_size=3), max_size=3).map(tuple),
            expected_output=st.none() | st.text(max_size=5),
            limits=st.builds(CaseLimits, wall_seconds=st.none() | st.floats(), output_bytes=st.none() | st.integers()),
        ),
        max_size=5,
    )
)
def test_resolve_cases_resolves_or_rejects_any_tests(requests: list[CaseRequest]) -> None:
    try:
        cases = resolve_cases(requests, defaults())
    except InvalidRequest as refused:
        named = refused.field.startswith("tests")
        assert named
        return

    assert len({spec.name for spec in cases}) == len(cases) == len(requests)
    for spec in cases:
        assert LIMITS["wall_seconds"].minimum <= spec.limits.wall_seconds <= LIMITS["wall_seconds"].maximum


def test_resolve_cases_uses_the_comparison_of_the_test_or_of_the_job() -> None:
    inherited = replace(defaults(), compare=CompareMode.TOKENS)

    cases = resolve_cases([case(expected_output="1"), case(expected_output="2", compare=CompareMode.EXACT)], inherited)

    assert [spec.comparison.mode for spec in cases] == [CompareMode.TOKENS, CompareMode.EXACT]
    assert resolve_case(case(expected_output="1")).comparison == Comparison()


@pytest.mark.parametrize(
    ("requests", "compare", "field"),
    [
        ([case(), case(compare=CompareMode.EXACT)], None, r"tests\[1\]\.compare: requires expected_output"),
        ([case(expected_output="1", compare=Comparison(float_absolute_tolerance=1))], None,
         r"tests\[0\]\.compare\.float_absolute_tolerance: requires the mode tokens"),
        ([case(), case()], CompareMode.EXACT, "compare: requires a test with expected_output"),
        ([], CompareMode.EXACT, "compare: requires a test with expected_output"),
        ([case(expected_output="1")], Comparison(float_absolute_tolerance=1), r"compare\.float_absolute_tolerance: "),
    ],
)  # fmt: skip
def test_resolve_cases_rejects_a_comparison_that_cannot_be_used(
    requests: list[CaseRequest], compare: ComparisonRequest | None, field: str
) -> None:
    with pytest.raises(InvalidRequest, match=f"^{field}"):
        resolve_cases(requests, replace(defaults(), compare=compare))
