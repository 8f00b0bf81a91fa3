"""Jobe's languages: their default parameters, and how their programs are compiled and started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.core.job.spec import Invocation
from app.core.languages import LanguageInfo

__all__ = ["LANGUAGES", "JobeLanguage", "list_languages"]


@dataclass(frozen=True)
class JobeLanguage:
    """A language of Jobe.

    Attributes:
        id: Pyxec's language.
        compile_arguments: Default of the parameter ``compileargs``.
        interpreter_arguments: Default of the parameter ``interpreterargs``.
        check: Command that checks the syntax before the program runs; the name of the file is appended.
        interpreter: Command of the interpreter. Required with ``check``.
        suffix: Suffix that a file must have; it is appended if it is missing.
        memory_mib: Default of the parameter ``memorylimit``. None: it is ignored; the default of the language applies.
        min_processes: Minimum of the parameter ``numprocs``.
    """

    id: str
    compile_arguments: tuple[str, ...] = ()
    interpreter_arguments: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    interpreter: tuple[str, ...] = ()
    suffix: str = ""
    memory_mib: int | None = 400
    min_processes: int = 1

    def name_file(self, requested: str, info: LanguageInfo) -> str:
        """Return the name of the source file."""
        name = requested or info.file_name
        return name if name.endswith(self.suffix) else f"{name}{self.suffix}"

    def create_invocation(
        self,
        entrypoint: str,
        compile_arguments: Sequence[str],
        interpreter_arguments: Sequence[str],
        *,
        all_files: bool,
    ) -> Invocation:
        """Return the invocation of a program.

        Args:
            entrypoint: The source file.
            compile_arguments: Options of the compiler and the linker.
            interpreter_arguments: Options of the interpreter.
            all_files: Whether other source files are compiled, too.
        """
        if self.check:
            run = (*self.interpreter, *interpreter_arguments, entrypoint)
            return Invocation(compile=(*self.check, entrypoint), run=run)
        return Invocation(
            compiler_options=tuple(compile_arguments),
            interpreter_options=tuple(interpreter_arguments) if self.takes_interpreter_arguments else (),
            entrypoint_only=not all_files,
        )

    @property
    def takes_interpreter_arguments(self) -> bool:
        """Whether an interpreter runs the program. Otherwise the arguments are those of the program."""
        return self.id not in ("c", "cpp", "pascal")


LANGUAGES: Final[Mapping[str, JobeLanguage]] = {
    "c": JobeLanguage("c", compile_arguments=("-Wall", "-Werror", "-std=c99", "-x", "c")),
    "cpp": JobeLanguage("cpp", compile_arguments=("-Wall", "-Werror", "-x", "c++")),
    "java": JobeLanguage("java", suffix=".java", memory_mib=None, min_processes=256),
    "nodejs": JobeLanguage(
        "javascript", interpreter_arguments=("--use_strict",), suffix=".js", memory_mib=None, min_processes=64
    ),
    "octave": JobeLanguage("octave", memory_mib=None, min_processes=64),
    "pascal": JobeLanguage("pascal", compile_arguments=("-vew2", "-Se"), suffix=".pas"),
    "php": JobeLanguage("php", check=("php", "-l"), interpreter=("php",), interpreter_arguments=("--no-php-ini",)),
    "python3": JobeLanguage(
        "python",
        check=("python3", "-m", "py_compile"),
        interpreter=("python3",),
        interpreter_arguments=("-BE",),
        memory_mib=1000,
    ),
}


def list_languages(installed: Mapping[str, LanguageInfo]) -> list[tuple[str, str]]:
    """Return the id and the version of each installed language of Jobe."""
    return [
        (name, installed[language.id].version or "Unknown")
        for name, language in LANGUAGES.items()
        if language.id in installed
    ]
