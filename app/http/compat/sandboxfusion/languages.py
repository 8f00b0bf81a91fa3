"""SandboxFusion's language names, and how a program of each is compiled and started."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.core.errors import InvalidRequest, UnknownLanguage
from app.core.job.spec import Invocation
from app.core.languages import LanguageInfo

__all__ = ["LANGUAGES", "FusionLanguage", "find_language"]

_PHP_TAG: Final = "<?php\n"
_PUBLIC_CLASS: Final = re.compile(r"\bpublic\s+(?:abstract\s+|final\s+)?class\s+(\w+)")


@dataclass(frozen=True)
class FusionLanguage:
    """How SandboxFusion runs a language.

    Attributes:
        id: Pyxec's language.
        compiler_options: Options that give the compiler the behaviour that SandboxFusion's programs expect.
        interpreter_options: The same for the interpreter.
        file_name: Name of the file with the code. None: the default of the language.
        is_named_by_class: Whether the file has the name of the public class in the code, if there is one.
        run: Command instead of the language's; the name of the file is appended.
        compile: Command of the compiler, together with ``run``.
        takes_arguments: Whether ``args`` of the request are passed on. SandboxFusion ignores them for other languages.
        replaces_file: Whether the code replaces a file of the request with the same name.
        prefix: What the code must start with; it is added if it occurs nowhere.
    """

    id: str
    compiler_options: tuple[str, ...] = ()
    interpreter_options: tuple[str, ...] = ()
    file_name: str | None = None
    is_named_by_class: bool = False
    run: tuple[str, ...] | None = None
    compile: tuple[str, ...] | None = None
    takes_arguments: bool = False
    replaces_file: bool = False
    prefix: str = ""

    def create_invocation(self, entrypoint: str) -> Invocation:
        """Return the invocation of a program in this file. As in SandboxFusion, other files are not compiled."""
        return Invocation(
            compiler_options=self.compiler_options,
            interpreter_options=self.interpreter_options,
            entrypoint_only=True,
            compile=self.compile,
            run=None if self.run is None else (*self.run, entrypoint),
        )

    def name_file(self, code: str, info: LanguageInfo) -> str:
        """Return the name of the file with the code."""
        if self.is_named_by_class and (match := _PUBLIC_CLASS.search(code)):
            return f"{match[1]}.java"
        return self.file_name or info.file_name

    def prepare_code(self, code: str) -> str:
        """Return the code with the prefix that it lacks."""
        return code if self.prefix.strip() in code else self.prefix + code


_JAVASCRIPT: Final = FusionLanguage("javascript")
# Programs were written for a compiler that does not check types.
_TYPESCRIPT: Final = FusionLanguage("typescript", compiler_options=("--noCheck",))

LANGUAGES: Final[Mapping[str, FusionLanguage]] = {
    "python": FusionLanguage("python"),
    "pytest": FusionLanguage("python", file_name="test_main.py", run=("pytest",), takes_arguments=True),
    "cpp": FusionLanguage("cpp", compiler_options=("-std=c++17",)),
    "nodejs": _JAVASCRIPT,
    "js": _JAVASCRIPT,
    "typescript": _TYPESCRIPT,
    "ts": _TYPESCRIPT,
    "jest": FusionLanguage("jest", file_name="main.test.ts", run=("jest-run",)),
    "go": FusionLanguage("go"),
    # With this setting, Go uses the compiled standard library of the image instead of compiling it again.
    "go_test": FusionLanguage("go", file_name="main_test.go", run=("env", "GODEBUG=installgoroot=all", "go", "test")),
    # Tests of data sets use assertions.
    "java": FusionLanguage("java", interpreter_options=("-ea",), replaces_file=True),
    "junit": FusionLanguage(
        "junit", compile=("junit-build",), run=("junit-run",), replaces_file=True, is_named_by_class=True
    ),
    "php": FusionLanguage("php", prefix=_PHP_TAG),
    "csharp": FusionLanguage("csharp"),
    "bash": FusionLanguage("bash"),
    "sql": FusionLanguage("sqlite"),
    "rust": FusionLanguage("rust"),
    "lua": FusionLanguage("lua"),
    "R": FusionLanguage("r"),
    "perl": FusionLanguage("perl"),
    "D_ut": FusionLanguage("d", compiler_options=("-funittest",)),
    "ruby": FusionLanguage("ruby"),
    "scala": FusionLanguage("scala"),
    "julia": FusionLanguage("julia"),
    "kotlin_script": FusionLanguage("kotlin", file_name="main.kts", run=("kotlin-script",)),
    "racket": FusionLanguage("racket"),
    "swift": FusionLanguage("swift"),
    **{name: FusionLanguage(name) for name in ("cuda", "verilog", "python_gpu", "lean", "gtest", "react", "python2")},
}


def find_language(name: str, installed: Mapping[str, LanguageInfo]) -> tuple[FusionLanguage, LanguageInfo]:
    """Return a language of SandboxFusion and the installed language that runs it.

    Raises:
        InvalidRequest: SandboxFusion has no language with this name.
        UnknownLanguage: The language is not installed.
    """
    language = LANGUAGES.get(name)
    if language is None:
        raise InvalidRequest("language", f"should be one of {', '.join(LANGUAGES)}")
    info = installed.get(language.id)
    if info is None:
        names = [other for other, candidate in LANGUAGES.items() if candidate.id in installed]
        raise UnknownLanguage("language", f"{name} is not installed; installed are: {', '.join(names) or 'none'}")
    return language, info
