"""Conversion of Piston's requests to job requests, and of results to stages."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.core.errors import UnknownLanguage
from app.core.languages import LanguageInfo
from app.core.limits import MIB, CompileLimits, LimitOverrides
from app.core.outcomes import StopReason
from app.http.compat.piston.files import convert_files
from app.http.compat.piston.limits import compile_limits, read_stage_limits, run_limits
from app.http.compat.piston.runtimes import find_runtime, runtime_names, runtime_version
from app.http.compat.piston.stages import create_stage_view
from app.http.jobs.transcript import PhaseOutput
from app.http.large_texts import LargeTexts
from tests.http.gateway import PYTHON
from tests.http.worker import phase_report

JAVA = LanguageInfo(id="java", name="Java", file_name="Main.java", version="17.0.21.1", piston=("java",), compiled=True)
CPP = LanguageInfo(id="cpp", name="C++", file_name="main.cpp", version="12.2.0", piston=("c++", "g++"), compiled=True)
TCL = LanguageInfo(id="tcl", name="Tcl", file_name="main.tcl", aliases=("tclsh",), version="8.6")
NASM = LanguageInfo(id="nasm", name="NASM", file_name="main.asm", version="2.16.01", piston=("nasm64",))
LISP = LanguageInfo(id="lisp", name="Lisp", file_name="main.lisp", version="2.2.9.debian")
UNVERSIONED = LanguageInfo(id="go", name="Go", file_name="main.go", piston=("go",))
LANGUAGES = [PYTHON, CPP, TCL, NASM, LISP, UNVERSIONED]
NO_CEILING = LimitOverrides()


@pytest.mark.parametrize(
    ("name", "version", "found"),
    [
        ("python", "*", "python"),
        ("PY3", "3.11.2", "python"),
        ("python", "3", "python"),
        ("python", "^3.9", "python"),
        ("python", ">=3.0 <4", "python"),
        ("python", "2.x || ~3.11", "python"),
        ("g++", "12.x", "cpp"),
        ("tclsh", "8.6.x", "tcl"),
        ("nasm64", "2.16.01", "nasm"),
        ("nasm64", "2.16.1", "nasm"),
        ("lisp", "2.2.9", "lisp"),
        ("lisp", "2.2.9.debian", "lisp"),
        ("go", "1.99", "go"),  # the version is unknown
    ],
)
def test_find_runtime_accepts_npm_version_ranges(name: str, version: str, found: str) -> None:
    assert find_runtime(LANGUAGES, name, version).id == found


@pytest.mark.parametrize(
    ("name", "version"),
    [("python", "2.x"), ("python", "<3.11.2"), ("python", "~3.10"), ("python", "latest"), ("python", "3" * 300),
     ("cpp", "*"), ("nasm", "*"), ("", "*")],
)  # fmt: skip
def test_find_runtime_rejects_an_unknown_runtime(name: str, version: str) -> None:
    with pytest.raises(UnknownLanguage) as rejection:
        find_runtime(LANGUAGES, name, version)
    assert rejection.value.field == f"{name}-{version} runtime"


@pytest.mark.parametrize(
    ("version", "found"),
    [("3.10.0", "3.11.2"), ("latest", "3.12.1"), ("2.x", "3.11.2"), ("^3.14", "3.12.1"), ("3.12.9", "3.12.1"),
     ("*", "3.12.1"), ("18.15.0", "3.12.1")],
)  # fmt: skip
def test_find_runtime_returns_the_nearest_version_if_any_version_is_allowed(version: str, found: str) -> None:
    newer = msgspec.structs.replace(PYTHON, id="python-new", version="3.12.1")

    assert find_runtime([PYTHON, newer, *LANGUAGES], "python", version, any_version=True).version == found


@pytest.mark.parametrize(("name", "version"), [("klingon", "1"), ("python", "nonsense"), ("python", "3" * 300)])
def test_find_runtime_rejects_what_is_no_version_of_a_language(name: str, version: str) -> None:
    with pytest.raises(UnknownLanguage):
        find_runtime(LANGUAGES, name, version, any_version=True)


@pytest.mark.parametrize(
    ("version", "semver"),
    [("17.0.21.1", "17.0.21"), ("2.16.01", "2.16.1"), ("8.6", "8.6.0"), ("5.2.15(1)-release", "5.2.15"),
     ("2.2.9.debian", "2.2.9"), ("18.20.4", "18.20.4"), (None, "0.0.0"), ("", "0.0.0")],
)  # fmt: skip
def test_runtime_version_is_a_semantic_version(version: str | None, semver: str) -> None:
    language = msgspec.structs.replace(PYTHON, version=version)

    assert runtime_version(language) == semver
    # Clients request the version that is listed
    assert find_runtime([language], "python", semver) is language


def test_runtime_names_are_our_own_without_a_package_of_piston() -> None:
    assert runtime_names(TCL) == ("tcl", "tclsh")
    assert runtime_names(CPP) == ("c++", "g++")


@pytest.mark.parametrize(
    ("name", "language", "becomes"),
    [
        (None, CPP, "main.cpp"),
        ("", CPP, "main.cpp"),
        ("prog", CPP, "prog.cpp"),
        ("file0.code", CPP, "file0.cpp"),
        ("prog.cc", CPP, "prog.cc"),
        ("prog.txt", CPP, "prog.txt.cpp"),
        ("my.prog.c", CPP, "my.prog.c.cpp"),
        (".cpp", CPP, ".cpp.cpp"),
        ("prog.txt", PYTHON, "prog.txt"),
        ("src/prog", CPP, "src/prog.cpp"),
        (None, PYTHON, "main.py"),
        ("prog", PYTHON, "prog"),
        (None, JAVA, "Main.java"),
        ("Greeter.java", JAVA, "Greeter.java"),
        ("Greeter", JAVA, "Greeter.java"),
        ("file0.code", JAVA, "file0.java"),
        ("prog.txt", JAVA, "prog.txt.java"),
        ("app/Greeter.java", JAVA, "app/Greeter.java"),
    ],
)
def test_source_gets_the_suffix_of_its_compiler(name: str | None, language: LanguageInfo, becomes: str) -> None:
    files, entrypoint = convert_files([{"name": name, "content": ""}], language)
    assert (files[0].name, entrypoint) == (becomes, becomes)


def test_first_utf8_file_is_the_entrypoint() -> None:
    files, entrypoint = convert_files([{"content": "00", "encoding": "hex"}, {"content": ""}, {"content": ""}], PYTHON)
    assert [file.name for file in files] == ["file0.code", "main.py", "file2.code"]
    assert entrypoint == "main.py"


@pytest.mark.parametrize(
    ("language", "body", "mib"),
    [
        (PYTHON, {}, 256),
        (PYTHON, {"run_memory_limit": -1, "compile_memory_limit": -1}, 256),
        (PYTHON, {"run_memory_limit": 64 * MIB}, 64),
        (PYTHON, {"run_memory_limit": 1}, 16),
        (PYTHON, {"compile_memory_limit": 512 * MIB}, 256),
        (CPP, {"run_memory_limit": 64 * MIB}, 64),
        (CPP, {"run_memory_limit": 512 * MIB}, 512),
        (CPP, {"run_memory_limit": 64 * MIB, "compile_memory_limit": 128 * MIB}, 64),
        (CPP, {"run_memory_limit": 64 * MIB, "compile_memory_limit": 512 * MIB}, 512),
        (CPP, {"compile_memory_limit": 512 * MIB}, 512),
    ],
)
def test_memory_is_that_of_the_program_unless_the_compiler_has_more(
    language: LanguageInfo, body: dict[str, int], mib: int
) -> None:
    assert run_limits(read_stage_limits(body, NO_CEILING), language, NO_CEILING).memory_bytes == mib * MIB


@pytest.mark.parametrize(
    ("body", "run", "compiler"),
    [
        ({}, (3, 3), (10, 10)),
        ({"run_timeout": 0, "compile_timeout": None}, (3, 3), (10, 10)),
        ({"run_timeout": 1500, "compile_cpu_time": 20_000}, (1.5, 3), (10, 20)),
        ({"run_cpu_time": 1, "compile_timeout": 1}, (3, 0.1), (0.1, 10)),
    ],
)
def test_default_times_are_those_of_piston(body: Any, run: Any, compiler: Any) -> None:
    stage_limits = read_stage_limits(body, NO_CEILING)
    limits = run_limits(stage_limits, CPP, NO_CEILING)
    assert (limits.wall_seconds, limits.cpu_seconds) == run
    assert compile_limits(stage_limits) == CompileLimits(wall_seconds=compiler[0], cpu_seconds=compiler[1])


def test_default_is_lowered_to_the_ceiling() -> None:
    ceiling = LimitOverrides(wall_seconds=2, memory_bytes=100 * MIB)
    limits = run_limits(read_stage_limits({}, ceiling), CPP, ceiling)
    assert (limits.wall_seconds, limits.memory_bytes) == (2, 100 * MIB)


@pytest.mark.parametrize(
    ("changes", "ending"),
    [
        ({"exit_code": None, "signal": 40}, (None, "SIG40", "SG", "Caught fatal signal 40")),
        ({"exit_code": None, "start_error": "No such file"}, (None, None, "RE", "could not be started: No such file")),
        ({"exit_code": 137, "oom_kills": 1}, (137, None, "RE", "killed: it needed more memory than its limit")),
        ({"exit_code": 0, "oom_kills": 1}, (0, None, None, None)),
        ({"stopped_by": StopReason.CANCELLED}, (None, "SIGKILL", "SG", "cancelled")),
        ({"stopped_by": StopReason.WALL_TIME}, (None, "SIGKILL", "TO", "Time limit exceeded (wall clock)")),
    ],
)
def test_stage_has_code_signal_status_and_message(changes: dict[str, Any], ending: tuple[Any, ...]) -> None:
    view = create_stage_view(phase_report(**changes), PhaseOutput(), LargeTexts())
    assert (view.code, view.signal, view.status, view.message) == ending
    assert (view.cpu_time, view.wall_time, view.memory) == (10, 20, 8_000_000)
