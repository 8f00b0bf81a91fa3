"""The language catalogue: one TOML file a language, read once, checked whole, and never changed afterwards.

What a file may say is exactly what :class:`Language` has; anything else is an error that names the file and the field.
Whether a language can be used here is another question: its image must be on the engine (see ``images.py``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import msgspec

from app.core.errors import InvalidRequest, PyxecError
from app.core.languages import LanguageInfo
from app.core.limits import LimitOverrides, resolve_limits
from app.sandbox.images.language_fields import Command, Compat, Hello, Packages, Programs, Text, VersionProbe

__all__ = ["CatalogueError", "Language", "Phase", "default_set", "load_languages"]

Phase = Literal["compile", "run"]

_Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
_FileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$")]
_EnvName = Annotated[str, msgspec.Meta(pattern=r"^[A-Z_][A-Z0-9_]*$")]

_PLACEHOLDER = re.compile(r"\{(\w*)\}")


class CatalogueError(PyxecError):
    """A file of the catalogue is wrong; the message names the file and the field."""


class Language(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language of the catalogue.

    Parameters:
        id: the name in our own API; the file's name without ``.toml``.
        name: for people.
        aliases: other names that the API takes.
        file_name: the source's name when a client sends only text.
        sources: globs over base names; which of a job's files ``{sources}`` stands for.
        compile, run: argument lists. ``{entrypoint}`` is the file to start with, ``{stem}`` the same without its
            suffix; ``{sources}``, an argument of its own, is the entrypoint and then every other file that a glob of
            `sources` matches. ``{options}``, an argument of its own in `compile`, is where a caller's compiler options
            go, if the API it came through has any; a language without it takes none.
        programs: what the tests run, besides `hello`.
        setup: shell commands that finish the image, as root, once its packages are there.
        default: whether its image is built by `make up`; the others are built when somebody asks for them.
        env: added to the environment of both phases.
        limits: what this language needs where the common default is too little.
    """

    id: _Id
    name: Text
    file_name: _FileName
    run: Command
    packages: Packages
    version: VersionProbe
    hello: Hello
    programs: Programs
    aliases: tuple[Text, ...] = ()
    sources: tuple[Text, ...] = ()
    compile: Command | None = None
    env: dict[_EnvName, str] = {}
    limits: LimitOverrides = LimitOverrides()
    compat: Compat = Compat()
    setup: str = ""
    default: bool = False

    def __post_init__(self) -> None:
        if (self.programs.compile_error is None) != (self.compile is None):
            raise ValueError("`programs.compile_error` has to be there exactly when `compile` is")
        for phase, command in (("compile", self.compile), ("run", self.run)):
            _check_placeholders(phase, command or (), self.sources)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases a job of this language goes through, in order."""
        return ("run",) if self.compile is None else ("compile", "run")

    def info(self, version: str | None) -> LanguageInfo:
        """What the API shows of this language, with the version its image told."""
        return LanguageInfo(
            id=self.id,
            name=self.name,
            file_name=self.file_name,
            aliases=self.aliases,
            version=version,
            limits=self.limits,
            template=self.hello.source,
            compile=self.compile or (),
            run=self.run,
            compiled=self.compile is not None,
            judge0=self.compat.judge0,
            piston=self.compat.piston,
        )

    def command(
        self, phase: Phase, entrypoint: str, files: Sequence[str], options: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """Return the argument list of one phase.

        Parameters:
            phase: one of :attr:`phases`.
            entrypoint: path of the file to start with, relative to the working directory.
            files: paths of all files of the job, in any order.
            options: for the compiler; left out where the command has no place for them.

        Raises:
            ValueError: the language has no such phase.
        """
        template = self.compile if phase == "compile" else self.run
        if template is None:
            raise ValueError(f"{self.id} has no {phase} phase")
        return tuple(
            argument
            for part in template
            for argument in (options if part == "{options}" else self._fill(part, entrypoint, files))
        )

    def _fill(self, part: str, entrypoint: str, files: Sequence[str]) -> tuple[str, ...]:
        if part == "{sources}":
            others = sorted(path for path in files if path != entrypoint and self._is_source(path))
            return tuple(_as_argument(path) for path in (entrypoint, *others))
        stem = str(PurePosixPath(entrypoint).with_suffix(""))
        values = {"entrypoint": _as_argument(entrypoint), "stem": _as_argument(stem)}
        return (_PLACEHOLDER.sub(lambda found: values[found[1]], part),)

    def _is_source(self, path: str) -> bool:
        return any(fnmatchcase(PurePosixPath(path).name, glob) for glob in self.sources)


def load_languages(folder: Path) -> dict[str, Language]:
    """Read every ``*.toml`` of `folder`; return the languages by id, in the order of their ids.

    Raises:
        CatalogueError: no file at all, a file that is no valid language, or a name that two languages claim.
    """
    languages = {path.stem: _read(path) for path in sorted(folder.glob("*.toml"))}
    if not languages:
        raise CatalogueError(f"{folder}: no language here; expected files like python.toml")
    for field, names in _CLAIMS.items():
        _check_unique(languages.values(), field, names)
    return languages


def default_set(languages: Mapping[str, Language]) -> dict[str, Language]:
    """Those of `languages` that every installation has."""
    return {name: language for name, language in languages.items() if language.default}


def _read(path: Path) -> Language:
    try:
        language = msgspec.toml.decode(path.read_bytes(), type=Language)
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        raise CatalogueError(f"{path.name}: {e}") from e
    except OSError as e:
        raise CatalogueError(f"{path.name}: cannot be read: {e.strerror}") from e
    try:
        resolve_limits(LimitOverrides(), language.limits)
    except InvalidRequest as e:
        raise CatalogueError(f"{path.name}: `{e.field}` {e.reason}") from e
    if language.id != path.stem:
        raise CatalogueError(f"{path.name}: `id` is {language.id!r}, the file's name says {path.stem!r}")
    return language


def _own_names(language: Language) -> Sequence[str]:
    return (language.id, *language.aliases)


def _judge0_ids(language: Language) -> Sequence[str]:
    return [str(number) for number in language.compat.judge0]


def _piston_names(language: Language) -> Sequence[str]:
    return language.compat.piston


# Each name must lead to one language: field -> the names a language claims in it.
_CLAIMS = {"aliases": _own_names, "compat.judge0": _judge0_ids, "compat.piston": _piston_names}


def _check_unique(languages: Iterable[Language], field: str, names: Callable[[Language], Sequence[str]]) -> None:
    owner: dict[str, str] = {}
    for language in languages:
        for name in names(language):
            first = owner.setdefault(name, language.id)
            if first != language.id:
                raise CatalogueError(f"{language.id}.toml: `{field}`: {name!r} belongs to {first}.toml already")


def _check_placeholders(phase: str, command: Sequence[str], sources: Sequence[str]) -> None:
    for part in command:
        for name in _PLACEHOLDER.findall(part):
            if name not in ("entrypoint", "sources", "stem", *(("options",) if phase == "compile" else ())):
                raise ValueError(f"`{phase}`: unknown placeholder {{{name}}}")
        for name in ("sources", "options"):
            if f"{{{name}}}" in part and part != f"{{{name}}}":
                raise ValueError(f"`{phase}`: {{{name}}} must be an argument of its own, not part of {part!r}")
        if part == "{sources}" and not sources:
            raise ValueError(f"`{phase}`: {{sources}} needs the field `sources`")


def _as_argument(path: str) -> str:
    """A file whose name starts with a dash must never be read as an option."""
    return f"./{path}" if path.startswith("-") else path
