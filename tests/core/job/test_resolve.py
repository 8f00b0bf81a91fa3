"""The resolution of job requests."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core import constraints
from app.core.callers import ANONYMOUS_TIER, TIERS, Caller, Tier
from app.core.errors import InvalidRequest, UnknownLanguage
from app.core.job import resolve
from app.core.job.resolve import check_file_name, resolve_spec
from app.core.job.spec import FileRequest, JobRequest, JobSpec, SourceFile, TextEncoding
from app.core.job.submission import resolve_job
from app.core.judging.cases import CaseRequest
from app.core.languages import LanguageInfo, index_languages
from app.core.limits import LIMITS, CompileLimits, LimitOverrides, TotalLimits

PYTHON = LanguageInfo(
    id="python", name="Python", file_name="main.py", aliases=("py", "Python3"), version="3.11.2",
    limits=LimitOverrides(processes=32),
)  # fmt: skip
UNBUILT = LanguageInfo(id="go", name="Go", file_name="main.go")
JAVA = LanguageInfo(id="java", name="Java", file_name="Main.java", aliases=("jdk",), version="21.0.8")
JAVA_25 = LanguageInfo(id="java-25", name="Java", file_name="Main.java", version="25.0.1", version_of="java")
JAVA_9 = LanguageInfo(id="java-9", name="Java", file_name="Main.java", version="9.0.4", version_of="java")
LANGUAGES = index_languages([PYTHON, UNBUILT, JAVA, JAVA_25, JAVA_9])
SURROGATE = "\ud800"


def resolved(**request: Any) -> JobSpec:
    if "files" in request:
        request["files"] = tuple(request["files"])
    elif "source" not in request:
        request["source"] = ""
    return resolve_spec(JobRequest(**{"language": "python", **request}), LANGUAGES)


def file(name: str = "a.py", content: str = "", encoding: TextEncoding = TextEncoding.UTF8) -> FileRequest:
    return FileRequest(name=name, content=content, encoding=encoding)


def test_resolve_spec_fills_in_defaults() -> None:
    spec = resolved(source="print('ü')")

    assert spec.files == (SourceFile("main.py", "print('ü')".encode()),)
    assert (spec.language, spec.entrypoint, spec.stdin, spec.args, spec.env) == ("python", "main.py", b"", (), {})
    assert spec.limits.processes == 32
    assert spec.limits.wall_seconds == LIMITS["wall_seconds"].default
    assert spec.interactive is False


def test_resolve_spec_keeps_values_unchanged() -> None:
    spec = resolved(
        files=[file("lib/b.py", "x"), file("a.bin", base64.b64encode(bytes(range(256))).decode(), TextEncoding.BASE64)],
        entrypoint="a.bin", stdin="\0ü", args=("-rf", "$(id)", ""), env={"A": "b=c", "_x1": ""}, interactive=True,
        limits=LimitOverrides(processes=1),
    )  # fmt: skip

    assert spec.files == (SourceFile("lib/b.py", b"x"), SourceFile("a.bin", bytes(range(256))))
    assert (spec.entrypoint, spec.stdin, spec.args) == ("a.bin", "\0ü".encode(), ("-rf", "$(id)", ""))
    assert (spec.env, spec.interactive, spec.limits.processes) == ({"A": "b=c", "_x1": ""}, True, 1)


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("source", {"source": None}),
    ("source", {"source": "x", "files": [file()]}),
    ("source", {"source": SURROGATE}),
    ("source", {"source": "x" * (resolve.MAX_FILES_BYTES + 1)}),
    ("source", {"source": "ü" * (resolve.MAX_FILES_BYTES // 2 + 1)}),
    ("files", {"files": []}),
    ("files", {"files": [file(f"{n}.py") for n in range(resolve.MAX_FILES + 1)]}),
    ("files", {"files": [file(f"{n}.py", "x" * (resolve.MAX_FILES_BYTES // 2 + 1)) for n in range(2)]}),
    ("files[1].name", {"files": [file(), file("../x")]}),
    ("files[0].content", {"files": [file(content=SURROGATE)]}),
    ("files[0].content", {"files": [file(content="a", encoding=TextEncoding.BASE64)]}),
    ("files[0].content", {"files": [file(content="YQ==\n", encoding=TextEncoding.BASE64)]}),
    ("files[0].content", {"files": [file(content="ÿÿÿÿ", encoding=TextEncoding.BASE64)]}),
    ("files[0].content", {"files": [file(content=SURROGATE, encoding=TextEncoding.BASE64)]}),
    ("files[1].name", {"files": [file("a"), file("a")]}),
    ("files[0].name", {"files": [file("a"), file("a/b")]}),
    ("files[1].name", {"files": [file("a/b/c"), file("a")]}),
    ("files[1].name", {"files": [file("a/b/c"), file("a/b")]}),
    ("entrypoint", {"entrypoint": "other.py"}),
    ("entrypoint", {"files": [file("a/b.py")], "entrypoint": "./a/b.py"}),
    ("stdin", {"stdin": SURROGATE}),
    ("stdin", {"stdin": "x" * (constraints.MAX_STDIN_BYTES + 1)}),
    ("args", {"args": ("",) * (constraints.MAX_ARGUMENTS + 1)}),
    ("args", {"args": ("x" * (constraints.MAX_ARGUMENTS_BYTES // 2),) * 2}),
    ("args[1]", {"args": ("a", "b\0")}),
    ("args[0]", {"args": (SURROGATE,)}),
    ("env", {"env": {f"V{n}": "" for n in range(resolve.MAX_ENVIRONMENT + 1)}}),
    ("env", {"env": {"A": "x" * constraints.MAX_ARGUMENTS_BYTES}}),
    *(("env", {"env": {name: ""}}) for name in ("", "1A", "A B", "A=B", "Ä", "A\n", "A\0", "x" * 129, SURROGATE)),
    ("env.A", {"env": {"A": "b\0"}}),
    ("env.A", {"env": {"A": SURROGATE}}),
    ("limits.memory_bytes", {"limits": LimitOverrides(memory_bytes=1)}),
]


@pytest.mark.parametrize(("field", "request_"), REFUSED)
def test_resolve_spec_names_the_invalid_field(field: str, request_: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        resolved(**request_)
    assert refused.value.field == field
    assert refused.value.reason


def test_resolve_spec_accepts_values_at_their_limits() -> None:
    assert len(resolved(source="x" * resolve.MAX_FILES_BYTES).files[0].content) == resolve.MAX_FILES_BYTES
    assert len(resolved(files=[file(f"{n}.py") for n in range(resolve.MAX_FILES)]).files) == resolve.MAX_FILES
    assert len(resolved(args=("",) * constraints.MAX_ARGUMENTS).args) == constraints.MAX_ARGUMENTS
    assert resolved(args=("x" * (constraints.MAX_ARGUMENTS_BYTES - 1),)).args
    assert len(resolved(env={f"V{n}": "" for n in range(resolve.MAX_ENVIRONMENT)}).env) == resolve.MAX_ENVIRONMENT


# --- file names


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "/", "../x", "a/../b", "a/..", "./a", "a//b", "a/", "/etc/passwd", "//x", "a/b/c/d/e/f/g/h/i",
        "-rf", "a/-rf", "--", "a.", "a /b", "a/b.", "a.py ", "...", "\0", "a\0b", "a\nb", "a\rb", "\x1b[31m", "a\tb",
        "\x7f", "a\\b", "..\\x", "\u2028", "\u202egpj.py", "\ufeffa", SURROGATE, "x" * 256, "ü" * 128,
        "\U0001f600" * 64,
    ],
)  # fmt: skip
def test_check_file_name_rejects_ambiguous_names(name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_file_name("files[3].name", name)
    assert refused.value.field == "files[3].name"


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "main.py",
        ".hidden",
        "a/b/c/d/e/f/g/h",
        "x" * 255,
        "ü" * 127,
        "über maß.txt",
        "a..b",
        "a-b",
        "~",
        "$x",
        "日本",
    ],
)
def test_check_file_name_accepts_plain_names(name: str) -> None:
    check_file_name("files[0].name", name)


@given(st.text(max_size=30) | st.text("ab./-\\ \n\0", max_size=12))
def test_check_file_name_accepts_no_name_outside_the_working_directory(name: str) -> None:
    try:
        check_file_name("f", name)
    except InvalidRequest:
        return
    parts = name.encode().split(b"/")
    assert all(part not in (b"", b".", b"..") and len(part) <= 255 and part[0:1] != b"-" for part in parts)
    assert b"\0" not in name.encode()


# --- languages and versions


@pytest.mark.parametrize("name", ["python", "PYTHON", "py", "Py", "python3", "Python3"])
def test_resolve_spec_finds_languages_by_alias_in_any_case(name: str) -> None:
    assert resolved(language=name).language == "python"


@pytest.mark.parametrize("name", ["", "python ", "perl", "3.11", SURROGATE, "\0"])
def test_resolve_spec_lists_installed_languages_when_the_language_is_unknown(name: str) -> None:
    with pytest.raises(UnknownLanguage, match="go, java, java-25, java-9, python") as refused:
        resolved(language=name)
    assert refused.value.field == "language"
    assert name == "" or name not in refused.value.reason or name in "go, python"


@pytest.mark.parametrize("version", [None, "*", "latest", "3", "3.11", "3.11.2"])
def test_resolve_spec_matches_versions_by_components(version: str | None) -> None:
    assert resolved(version=version).language == "python"


@pytest.mark.parametrize("version", ["", "3.1", "3.11.", "3.11.20", "3.12", "4", "3.11.2.1", ".", "3.11.2 ", SURROGATE])
def test_resolve_spec_names_the_installed_version_when_another_is_requested(version: str) -> None:
    with pytest.raises(UnknownLanguage, match=r"3\.11\.2") as refused:
        resolved(version=version)
    assert refused.value.field == "version"


@pytest.mark.parametrize(
    ("language", "version", "selected"),
    [
        ("java", None, "java"), ("java", "*", "java"), ("java", "latest", "java-25"), ("java", "25", "java-25"),
        ("java", "25.0.1", "java-25"), ("JDK", "25", "java-25"), ("java", ">=21", "java"),
        ("java", ">21.0.8", "java-25"),
        ("java", ">=9 <21 || >=25", "java-25"),
        ("java", "^25.0", "java-25"), ("java", "25.x", "java-25"),
        ("java", "<20", "java-9"), ("java@25", None, "java-25"), ("Java@>=9 <21", None, "java-9"),
        ("java-25", None, "java-25"),
        ("java-25", "25", "java-25"), ("python", ">=3.10 <4", "python"), ("python@3.11", None, "python"),
    ],
)  # fmt: skip
def test_resolve_spec_selects_a_version_in_the_range(language: str, version: str | None, selected: str) -> None:
    assert resolved(language=language, version=version).language == selected


@pytest.mark.parametrize(
    ("language", "version"),
    [("java", "17"), ("java", ">25.0.1"), ("java", "<9"), ("java-25", "21"), ("java@17", None), ("java@", None),
     ("java", "=>21"), ("java", "^" * 300)],
)  # fmt: skip
def test_resolve_spec_names_all_versions_when_none_is_in_the_range(language: str, version: str | None) -> None:
    with pytest.raises(UnknownLanguage) as refused:
        resolved(language=language, version=version)

    assert refused.value.field == "version"
    assert "25.0.1" in refused.value.reason


def test_id_of_a_language_means_another_version_when_the_default_one_is_not_installed() -> None:
    languages = index_languages([PYTHON, JAVA_25])

    assert resolve_spec(JobRequest(language="java", source=""), languages).language == "java-25"


def test_resolve_spec_accepts_any_version_when_none_is_known() -> None:
    assert resolved(language="go", version="1.99").language == "go"


# --- arbitrary JSON

any_text = st.text(st.characters(), max_size=12) | st.sampled_from(["python", "py", "a/b", "../x", "", "=", "YQ=="])
requests = st.builds(
    JobRequest,
    language=st.sampled_from(["python", "go", "perl"]) | any_text,
    version=st.none() | any_text,
    source=st.none() | any_text,
    files=st.none() | st.lists(
        st.builds(FileRequest, name=any_text, content=any_text, encoding=st.sampled_from(TextEncoding)), max_size=4
    ).map(tuple),
    entrypoint=st.none() | any_text,
    stdin=any_text,
    args=st.lists(any_text, max_size=4).map(tuple),
    env=st.dictionaries(any_text, any_text, max_size=4),
    limits=st.builds(LimitOverrides, wall_seconds=st.none() | st.floats(), processes=st.none() | st.integers()),
    interactive=st.booleans(),
)  # fmt: skip


@settings(max_examples=300)
@given(requests)
def test_resolve_spec_resolves_or_rejects_any_request(request_: JobRequest) -> None:
    try:
        spec = resolve_spec(request_, LANGUAGES)
    except InvalidRequest as e:
        assert e.field  # noqa: PT017 - it may be refused, it need not
        return
    assert spec.entrypoint in [source.name for source in spec.files]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(spec), type=JobSpec) == spec


def test_resolve_spec_resolves_compile_limits() -> None:
    assert resolved().compile_limits == CompileLimits(wall_seconds=30, cpu_seconds=30)
    requested = CompileLimits(wall_seconds=0.5)
    assert resolved(compile_limits=requested, limits=LimitOverrides(wall_seconds=100)).compile_limits == requested


@pytest.mark.parametrize("seconds", [0, 0.09, 30.1, float("nan"), float("inf")])
def test_resolve_spec_rejects_compile_limits_out_of_range(seconds: float) -> None:
    with pytest.raises(InvalidRequest, match=r"between 0\.1 and 30 s") as refusal:
        resolved(compile_limits=CompileLimits(cpu_seconds=seconds))
    assert refusal.value.field == "compile_limits.cpu_seconds"


def test_resolve_job_applies_the_total_limits_of_the_tier() -> None:
    def total_limits(tier: Tier) -> TotalLimits:
        caller = Caller(owner="key:a", account="key:a", address="192.0.2.1", tier=tier, key_id="a")
        request = JobRequest(language="python", source="1", tests=(CaseRequest(),) * 3)
        return resolve_job(request, LANGUAGES, caller, job_id="job", request_id="", created_at_ms=0).spec.total_limits

    assert total_limits(TIERS["limited"]) == TotalLimits(wall_seconds=30, cpu_seconds=30)
    assert total_limits(ANONYMOUS_TIER) == TotalLimits(wall_seconds=1000, cpu_seconds=1000)
