"""The submissions of a problem package, whose folders state the expected verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pyxec.errors import InvalidJob
from pyxec.language_guess import guess_language
from pyxec.problems.document import PackageError
from pyxec.problems.package import Package, read_source_files
from pyxec.results import Language

__all__ = [
    "EXPECTED_VERDICTS",
    "Submission",
    "choose_language",
    "find_accepted_submissions",
    "find_submissions",
    "read_submission_files",
]

_NOT_ACCEPTED: Final = frozenset(
    {"partially_accepted", "wrong_answer", "time_limit", "memory_limit", "output_limit", "runtime_error"}
)
_RUNTIME_ERRORS: Final = frozenset({"runtime_error", "memory_limit", "output_limit"})
#: Verdicts that a submission in a folder may have. The names of folders are those of the format and of DOMjudge.
EXPECTED_VERDICTS: Final = MappingProxyType(
    {
        "accepted": frozenset({"accepted"}),
        "partially_accepted": frozenset({"partially_accepted"}),
        "wrong_answer": frozenset({"wrong_answer"}),
        "time_limit_exceeded": frozenset({"time_limit"}),
        "run_time_error": _RUNTIME_ERRORS,
        "runtime_error": _RUNTIME_ERRORS,
        "memory_limit_exceeded": frozenset({"memory_limit"}),
        "output_limit_exceeded": frozenset({"output_limit"}),
        "compile_error": frozenset({"compile_error"}),
        "compiler_error": frozenset({"compile_error"}),
        "rejected": _NOT_ACCEPTED,
    }
)


@dataclass(frozen=True)
class Submission:
    """A program that is judged.

    Attributes:
        path: Its source file, or the folder with its source files.
        folder: Name of the folder in ``submissions``. Empty if it is not in a folder that states a verdict.
    """

    path: Path
    folder: str

    @property
    def name(self) -> str:
        """Name in reports, such as ``wrong_answer/greedy.py``."""
        return f"{self.folder}/{self.path.name}" if self.folder else str(self.path)

    @property
    def expected(self) -> frozenset[str] | None:
        """The verdicts that match the folder. None if every verdict does."""
        return EXPECTED_VERDICTS.get(self.folder)


def find_submissions(package: Package, paths: Sequence[Path | str] = ()) -> tuple[Submission, ...]:
    """Return the submissions to judge.

    Args:
        package: The package.
        paths: Files, folders with the files of one submission, or folders in ``submissions``. None stands for all in
            the package.

    Raises:
        PackageError: A path does not exist, or there is no submission.
    """
    root = package.path / "submissions"
    submissions: list[Submission] = []
    for path in map(Path, paths or (root,)):
        if not path.exists():
            raise PackageError(path, "does not exist")
        if path.resolve() == root.resolve():
            folders = sorted(folder for folder in path.iterdir() if folder.is_dir())
        else:
            folders = [path] if path.resolve().parent == root.resolve() and path.is_dir() else []
        if folders:
            submissions += [Submission(entry, folder.name) for folder in folders for entry in _list_entries(folder)]
        else:
            parent = path.resolve().parent.name
            submissions.append(Submission(path, parent if parent in EXPECTED_VERDICTS else ""))
    if not submissions:
        raise PackageError(root, "must contain a submission, such as accepted/solution.py")
    return tuple(submissions)


def find_accepted_submissions(package: Package) -> tuple[Submission, ...]:
    """Return the submissions in ``submissions/accepted`` of the package, in the order of their names."""
    folder = package.path / "submissions" / "accepted"
    return tuple(Submission(path, folder.name) for path in _list_entries(folder)) if folder.is_dir() else ()


def choose_language(
    path: Path, files: Sequence[str], languages: Sequence[Language], language: str | None = None
) -> tuple[Language, str]:
    """Return the language of a program and its entry file.

    The entry file is ``main`` or ``__main__`` with any suffix, or else the first file with the suffix of a language.

    Args:
        path: The program, for the error.
        files: Names of its files.
        languages: The installed languages.
        language: Id or alias of the language. None to derive it from the names.

    Raises:
        PackageError: No installed language matches.
    """
    by_name = {name.lower(): info for info in languages for name in (info.id, *info.aliases)}
    ordered = sorted(files, key=lambda name: (Path(name).stem.lower() not in ("main", "__main__"), name))
    if language is not None and language.lower() in by_name:
        return by_name[language.lower()], ordered[0]
    for name in ordered:
        try:
            return guess_language(Path(name), languages), name
        except InvalidJob:  # the next file decides
            continue
    known = ", ".join(sorted(info.id for info in languages)) or "none"
    raise PackageError(path, f"no installed language matches its files; the installed languages are: {known}")


def read_submission_files(package: Package, submission: Submission, language: Language) -> dict[str, bytes]:
    """Return the files of a submission, and those of ``include/<language>`` of the package, which replace them."""
    files = read_source_files(submission.path)
    for name in (language.id, *language.aliases):
        folder = package.path / "include" / name
        if folder.is_dir():
            return files | read_source_files(folder)
    return files


def _list_entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
