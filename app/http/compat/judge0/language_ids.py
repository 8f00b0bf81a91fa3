"""What Judge0's language ids stand for here: the languages that are installed, and three that are not of any table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from app.core.languages import LanguageInfo
from app.core.spec import Invocation

__all__ = ["EXECUTABLE", "MULTI_FILE", "PLAIN_TEXT", "Offer", "offers_of"]

PLAIN_TEXT: Final = 43
EXECUTABLE: Final = 44
MULTI_FILE: Final = 89
# Whose image runs what needs no language.
_SHELL: Final = "bash"
# Judge0 calls the file of these script.*, and clients' other files may import it by that name.
_SCRIPTS: Final = frozenset(
    {
        "bash", "commonlisp", "elixir", "javascript", "lua", "octave", "perl", "php", "python", "r", "ruby", "sqlite",
        "typescript",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Offer:
    """One language id.

    Parameters:
        languages: what it may be run as; more than one only for a program of many files, which says itself how it is
            compiled and run.
        source_file: what the source is called; None for a program of many files, which has no other source.
    """

    id: int
    name: str
    languages: Sequence[LanguageInfo]
    source_file: str | None
    invocation: Invocation

    @property
    def is_project(self) -> bool:
        """Whether it is the program of many files."""
        return self.source_file is None

    @property
    def takes_options(self) -> bool:
        """Whether there is a compiler that could be given options."""
        return not self.is_project and self.invocation.run is None and "{options}" in self.languages[0].compile

    def language_for(self, names: Iterable[str]) -> LanguageInfo:
        """Whose image to use for files of these names: of a project, the language that most of them are written in."""
        suffixes = Counter(PurePosixPath(name).suffix for name in names)
        suffixes[""] = 0
        return max(self.languages, key=lambda info: (suffixes[PurePosixPath(info.file_name).suffix], info.id == _SHELL))


def offers_of(languages: Iterable[LanguageInfo]) -> Mapping[int, Offer]:
    """Every id that stands for something, in their order."""
    by_id = {info.id: info for info in languages}
    offers = [_offer(number, info) for info in by_id.values() for number in info.judge0]
    if by_id:
        offers.append(Offer(MULTI_FILE, "Multi-file program", tuple(by_id.values()), None, Invocation()))
    if _SHELL in by_id:
        offers += _shell_offers(by_id[_SHELL])
    return {offer.id: offer for offer in sorted(offers, key=lambda offer: offer.id)}


def _offer(number: int, info: LanguageInfo) -> Offer:
    name = info.name if info.version is None else f"{info.name} ({info.version})"
    source_file = f"script{PurePosixPath(info.file_name).suffix}" if info.id in _SCRIPTS else info.file_name
    # Only the source is compiled: a second .c file is there to be included.
    return Offer(number, name, (info,), source_file, Invocation(entrypoint_only=True))


def _shell_offers(shell: LanguageInfo) -> list[Offer]:
    show = Invocation(run=("cat", "text.txt"))
    execute = Invocation(run=("sh", "-c", 'chmod +x a.out && exec ./a.out "$@"', "sh"))
    return [
        Offer(PLAIN_TEXT, "Plain Text", (shell,), "text.txt", show),
        Offer(EXECUTABLE, "Executable", (shell,), "a.out", execute),
    ]
