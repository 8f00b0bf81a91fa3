"""From what Piston's clients ask for to what our jobs take."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.errors import UnknownLanguage
from app.core.languages import LanguageInfo
from app.core.limits import MIB, CompileLimits, LimitOverrides
from app.core.outcomes import StopReason
from app.http.compat.piston.files import convert_files
from app.http.compat.piston.limits import compile_limits, read_stage_limits, run_limits
from app.http.compat.piston.runtimes import find_runtime, runtime_names
from app.http.compat.piston.stages import create_stage_view
from app.http.transcript import PhaseOutput
from tests.http.gateway import PYTHON
from tests.http.worker import phase_report

CPP = LanguageInfo(id="cpp", name="C++", file_name="main.cpp", version="12.2.0", piston=("c++", "g++"), compiled=True)
TCL = LanguageInfo(id="tcl", name="Tcl", file_name="main.tcl", aliases=("tclsh",), version="8.6")
NASM = LanguageInfo(id="nasm", name="NASM", file_name="main.asm", version="2.16.01", piston=("nasm64",))
LISP = LanguageInfo(id="lisp", name="Lisp", file_name="main.lisp", version="2.2.9.debian")
UNTOLD = LanguageInfo(id="go", name="Go", file_name="main.go", piston=("go",))
LANGUAGES = [PYTHON, CPP, TCL, NASM, LISP, UNTOLD]
NONE = LimitOverrides()


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
        ("go", "1.99", "go"),  # whatever it is: nobody knows yet
    ],
)
def test_a_version_is_a_range_as_npm_writes_them(name: str, version: str, found: str) -> None:
    assert find_runtime(LANGUAGES, name, version).id == found


@pytest.mark.parametrize(
    ("name", "version"),
    [("python", "2.x"), ("python", "<3.11.2"), ("python", "~3.10"), ("python", "latest"), ("python", "3" * 300),
     ("cpp", "*"), ("nasm", "*"), ("", "*")],
)  # fmt: skip
def test_a_runtime_that_is_not_there_is_said_so(name: str, version: str) -> None:
    with pytest.raises(UnknownLanguage) as refusal:
        find_runtime(LANGUAGES, name, version)
    assert refusal.value.field == f"{name}-{version} runtime"


def test_a_language_without_a_package_of_piston_has_our_names() -> None:
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
        ("src/prog", CPP, "src/prog.cpp"),
        (None, PYTHON, "main.py"),
        ("prog", PYTHON, "prog"),
    ],
)
def test_a_source_has_the_ending_that_its_compiler_goes_by(
    name: str | None, language: LanguageInfo, becomes: str
) -> None:
    files, entrypoint = convert_files([{"name": name, "content": ""}], language)
    assert (files[0].name, entrypoint) == (becomes, becomes)


def test_the_first_file_in_text_is_the_one_to_start_with() -> None:
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
def test_memory_is_the_programs_unless_the_compiler_is_to_have_more_than_usual(
    language: LanguageInfo, body: dict[str, int], mib: int
) -> None:
    assert run_limits(read_stage_limits(body, NONE), language, NONE).memory_bytes == mib * MIB


@pytest.mark.parametrize(
    ("body", "run", "compiler"),
    [
        ({}, (3, 3), (10, 10)),
        ({"run_timeout": 0, "compile_timeout": None}, (3, 3), (10, 10)),
        ({"run_timeout": 1500, "compile_cpu_time": 20_000}, (1.5, 3), (10, 20)),
        ({"run_cpu_time": 1, "compile_timeout": 1}, (3, 0.1), (0.1, 10)),
    ],
)
def test_times_are_those_of_piston_where_none_are_named(body: Any, run: Any, compiler: Any) -> None:
    asked = read_stage_limits(body, NONE)
    limits = run_limits(asked, CPP, NONE)
    assert (limits.wall_seconds, limits.cpu_seconds) == run
    assert compile_limits(asked) == CompileLimits(wall_seconds=compiler[0], cpu_seconds=compiler[1])


def test_a_default_is_lowered_to_what_the_caller_may_have() -> None:
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
def test_rare_endings_are_told_as_they_are(changes: dict[str, Any], ending: tuple[Any, ...]) -> None:
    view = create_stage_view(phase_report(**changes), PhaseOutput())
    assert (view.code, view.signal, view.status, view.message) == ending
    assert (view.cpu_time, view.wall_time, view.memory) == (10, 20, 8_000_000)
