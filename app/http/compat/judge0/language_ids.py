"""Judge0's language ids: those of the installed languages, and three special ids (text, executable, multi-file)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from app.core.job.spec import Invocation
from app.core.languages import LanguageInfo

__all__ = ["EXECUTABLE", "MULTI_FILE", "PLAIN_TEXT", "Judge0Language", "index_languages_by_judge0_id"]

PLAIN_TEXT: Final = 43
EXECUTABLE: Final = 44
MULTI_FILE: Final = 89
_SHELL: Final = "bash"  # its image runs the programs that need no language
# Judge0 names the source file of these script.*, and the additional files of a submission may import it by that name.
_SCRIPT_LANGUAGES: Final = frozenset(
    {
        "bash", "commonlisp", "elixir", "javascript", "lua", "octave", "perl", "php", "python", "r", "ruby", "sqlite",
        "typescript",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Judge0Language:
    """A language with an id of Judge0.

    Attributes:
        id: Judge0's id.
        name: The name with the version.
        languages: The languages whose image can run a submission. Only multi-file programs have more than one.
        source_file: The name of the source file. None for multi-file programs, whose source is in the archive.
        invocation: How a submission is compiled and run, where that differs from other jobs.
    """

    id: int
    name: str
    languages: Sequence[LanguageInfo]
    source_file: str | None
    invocation: Invocation

    @property
    def is_multi_file(self) -> bool:
        """Whether submissions are multi-file programs with their own compile and run scripts."""
        return self.source_file is None

    @property
    def accepts_compiler_options(self) -> bool:
        """Whether the compile command has a place for options."""
        return not self.is_multi_file and self.invocation.run is None and "{options}" in self.languages[0].compile

    def select_image(self, file_names: Iterable[str]) -> LanguageInfo:
        """Return the language whose image runs a submission. For multi-file programs, most files have its suffix."""
        suffixes = Counter(PurePosixPath(name).suffix for name in file_names)
        suffixes[""] = 0
        return max(self.languages, key=lambda info: (suffixes[PurePosixPath(info.file_name).suffix], info.id == _SHELL))


def index_languages_by_judge0_id(languages: Iterable[LanguageInfo]) -> Mapping[int, Judge0Language]:
    """Return every id that can be submitted, in ascending order."""
    by_name = {info.id: info for info in languages}
    judge0_languages = [_create_language(judge0_id, info) for info in by_name.values() for judge0_id in info.judge0]
    if by_name:
        images = tuple(by_name.values())
        judge0_languages.append(Judge0Language(MULTI_FILE, "Multi-file program", images, None, Invocation()))
    if _SHELL in by_name:
        judge0_languages += _create_shell_languages(by_name[_SHELL])
    return {language.id: language for language in sorted(judge0_languages, key=lambda language: language.id)}


def _create_language(judge0_id: int, info: LanguageInfo) -> Judge0Language:
    name = info.name if info.version is None else f"{info.name} ({info.version})"
    is_script = info.id in _SCRIPT_LANGUAGES
    source_file = f"script{PurePosixPath(info.file_name).suffix}" if is_script else info.file_name
    # Only the source is compiled; it can include the other files.
    return Judge0Language(judge0_id, name, (info,), source_file, Invocation(entrypoint_only=True))


def _create_shell_languages(shell: LanguageInfo) -> list[Judge0Language]:
    print_text = Invocation(run=("cat", "text.txt"))
    execute = Invocation(run=("sh", "-c", 'chmod +x a.out && exec ./a.out "$@"', "sh"))
    return [
        Judge0Language(PLAIN_TEXT, "Plain Text", (shell,), "text.txt", print_text),
        Judge0Language(EXECUTABLE, "Executable", (shell,), "a.out", execute),
    ]
