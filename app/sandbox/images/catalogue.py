"""The language catalogue: one TOML file for each language, with the fields of ``Language``.

A file can extend another language, and define several versions of its language (see ``language_files.py``).

A language in the catalogue can be used only where its image is on the engine (see ``installed.py``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal

import msgspec

from app.core.errors import InvalidRequest
from app.core.languages import LanguageInfo
from app.core.limits import MIB, LimitOverrides, resolve_limits
from app.sandbox.images.language_files import CatalogueError, LanguageTables, read_language_files

__all__ = [
    "CatalogueError",
    "Command",
    "Compat",
    "Heap",
    "Hello",
    "Language",
    "Packages",
    "Phase",
    "Programs",
    "Removed",
    "Text",
    "VersionProbe",
    "default_set",
    "load_languages",
]

Phase = Literal["compile", "run"]
Removed = Literal["bom", "cr"]

_Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9.-]{0,31}$")]
_FileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$")]
_EnvName = Annotated[str, msgspec.Meta(pattern=r"^[A-Z_][A-Z0-9_]*$")]
# "a | b" is the first package that the release of Debian contains.
_DebianPackage = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9+.-]+( \| [a-z0-9][a-z0-9+.-]+)*$")]
# Python and Node packages must have a version: their newest version changes between two builds.
_PythonPackage = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.+]*$")]
_NodePackage = Annotated[
    str, msgspec.Meta(pattern=r"^(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*@[0-9][A-Za-z0-9.+-]*$")
]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Command = Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]

_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_HEAP: Final = "{heap_mib}"
_STAGE: Final = re.compile(r"^\s*FROM\b", re.IGNORECASE | re.MULTILINE)
_PATH_PART: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


class Packages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Packages of an image, in the order of their installation.

    Attributes:
        debian: Debian packages. Of ``a | b``, the first one that the release contains is installed.
        python: Wheels, ``name==version``, installed for all users below /usr/local.
        node: npm packages, ``name@version``, installed below /usr/local.
    """

    debian: tuple[_DebianPackage, ...]
    python: tuple[_PythonPackage, ...] = ()
    node: tuple[_NodePackage, ...] = ()


class VersionProbe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to read the version of a language from its image.

    Attributes:
        command: Command that prints the version.
        pattern: Regular expression with one group, searched in the output.
    """

    command: Command
    pattern: Text

    def __post_init__(self) -> None:
        try:
            groups = re.compile(self.pattern).groups
        except re.error as e:
            raise ValueError(f"`pattern` is not a regular expression: {e}") from e
        if groups != 1:
            raise ValueError(f"`pattern` must have exactly one group, not {groups}")


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The smallest program of a language, and its complete output."""

    source: Text
    output: Text


class Heap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a runtime uses the memory of a job, and how it ends without memory.

    Attributes:
        exhausted: Regular expression, searched in the last output to stderr of a program that failed. If it matches,
            the program ended because it got no more memory, and the outcome is ``memory_limit``.
        percent: Share of the memory of a phase in ``{heap_mib}``. The rest is for the runtime itself.
    """

    exhausted: Text
    percent: Annotated[int, msgspec.Meta(ge=1, le=100)] = 75

    def __post_init__(self) -> None:
        try:
            re.compile(self.exhausted)
        except re.error as e:
            raise ValueError(f"`exhausted` is not a regular expression: {e}") from e


class Programs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Programs for the tests, one for each way to end.

    Attributes:
        echo: Prints its standard input line by line.
        runtime_error: Starts, then fails.
        time_limit: Uses processor time without end.
        memory_limit: Needs more memory than a job may use.
        compile_error: Does not compile. Required if the language has a compile phase, otherwise not allowed.
    """

    echo: Text
    runtime_error: Text
    time_limit: Text
    memory_limit: Text
    compile_error: Text | None = None


class Compat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names of the language in the APIs of other engines."""

    judge0: tuple[int, ...] = ()
    piston: tuple[Text, ...] = ()


class Language(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language of the catalogue.

    Attributes:
        id: Name in the native API, and name of the file without ``.toml``.
        name: Name for people.
        file_name: Name of the source file if a request contains only text.
        run: Arguments of the program, with placeholders. ``{entrypoint}`` is the file to start, ``{stem}`` the same
            without its suffix. ``{sources}`` must be a whole argument: the entrypoint, then the other source files.
            ``{heap_mib}`` is the share of the memory that ``heap`` defines, in MiB.
        packages: Packages of the image.
        version_probe: How to read the version from the image.
        hello: Smallest program.
        programs: Programs for the tests.
        aliases: Other names that the API accepts.
        sources: Globs for base names that select the files of ``{sources}``.
        compile: Arguments of the compiler, with the placeholders of ``run`` and ``{options}``: a whole argument that
            is replaced with the compiler options of a request. Without it, the language takes no options.
        env: Additional environment of both phases. The values may contain ``{heap_mib}``.
        heap: How the runtime ends without memory. None if the kernel ends it.
        removed: What is removed from the entrypoint, because the language takes it for a part of the program: ``bom``,
            a UTF-8 byte order mark, and ``cr``, a carriage return at the end of a line. Other files never change.
        limits: Default limits, where they differ from the common ones.
        compat: Names in other APIs.
        setup: Shell commands that run as root at the end of the build.
        dockerfile: Instructions of a Dockerfile that run as root after the installation of the packages.
        default: Whether ``make up`` builds the image. The others are built on request.
        version_of: Id of the language of which this is a version; None for the default version and for a language with
            one version.
    """

    id: _Id
    name: Text
    file_name: _FileName
    run: Command
    packages: Packages
    version_probe: VersionProbe
    hello: Hello
    programs: Programs
    aliases: tuple[Text, ...] = ()
    sources: tuple[Text, ...] = ()
    compile: Command | None = None
    env: dict[_EnvName, str] = {}
    heap: Heap | None = None
    removed: tuple[Removed, ...] = ()
    limits: LimitOverrides = LimitOverrides()
    compat: Compat = Compat()
    setup: str = ""
    dockerfile: str = ""
    default: bool = False
    version_of: _Id | None = None

    def __post_init__(self) -> None:
        if (self.programs.compile_error is None) != (self.compile is None):
            raise ValueError("`programs.compile_error` must be set if and only if `compile` is set")
        for phase, command in (("compile", self.compile), ("run", self.run)):
            _check_placeholders(phase, command or (), self.sources)
            _check_heap(phase, command or (), self.heap)
        _check_heap("env", self.env.values(), self.heap)
        if _STAGE.search(self.dockerfile):
            raise ValueError("`dockerfile` must not contain FROM: it is a part of the stage of the packages")

    @property
    def phases(self) -> tuple[Phase, ...]:
        """Phases of a job, in order."""
        return ("run",) if self.compile is None else ("compile", "run")

    def info(self, version: str | None) -> LanguageInfo:
        """Return the language as the API shows it.

        Args:
            version: Version of the installed image. None if there is no image.
        """
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
            packages=self.packages.python,
            version_of=self.version_of,
        )

    def command(
        self, phase: Phase, entrypoint: str, files: Sequence[str], memory_bytes: int, options: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """Return the arguments of one phase, with the placeholders replaced.

        Args:
            phase: One of ``phases``.
            entrypoint: Path of the file to start, relative to the working directory.
            files: Paths of all files of the job, in any order.
            memory_bytes: Memory of the phase.
            options: Compiler options. Ignored if the command has no ``{options}``.

        Raises:
            ValueError: The language has no such phase.
        """
        template = self.compile if phase == "compile" else self.run
        if template is None:
            raise ValueError(f"{self.id} has no {phase} phase")
        return tuple(
            argument
            for part in template
            for argument in (
                options if part == "{options}" else self._replace_placeholders(part, entrypoint, files, memory_bytes)
            )
        )

    def environment(self, memory_bytes: int) -> dict[str, str]:
        """Return ``env`` for a phase with this memory."""
        heap = str(self._heap_mib(memory_bytes))
        return {name: value.replace(_HEAP, heap) for name, value in self.env.items()}

    def _heap_mib(self, memory_bytes: int) -> int:
        percent = 100 if self.heap is None else self.heap.percent
        return max(1, memory_bytes * percent // 100 // MIB)

    def _replace_placeholders(
        self, part: str, entrypoint: str, files: Sequence[str], memory_bytes: int
    ) -> tuple[str, ...]:
        if part == "{sources}":
            others = sorted(path for path in files if path != entrypoint and self._is_source(path))
            return tuple(_as_argument(path) for path in (entrypoint, *others))
        stem = str(PurePosixPath(entrypoint).with_suffix(""))
        values = {
            "entrypoint": _as_argument(entrypoint),
            "stem": _as_argument(stem),
            "heap_mib": str(self._heap_mib(memory_bytes)),
        }
        return (_PLACEHOLDER.sub(lambda match: values[match[1]], part),)

    def _is_source(self, path: str) -> bool:
        return any(fnmatchcase(PurePosixPath(path).name, glob) for glob in self.sources)


def load_languages(*folders: Path) -> dict[str, Language]:
    """Read every ``*.toml`` file of the folders; return the languages by id, sorted by id.

    Raises:
        CatalogueError: A folder has no such file, a file is invalid, or two languages have the same name.
    """
    tables = read_language_files(folders)
    # A language comes after the one that it extends, so that an error in that file is not reported twice.
    languages = {language_id: _parse_language(language_id, tables[language_id]) for language_id in tables}
    languages = {language_id: languages[language_id] for language_id in sorted(languages)}
    for field, names in _UNIQUE_NAMES.items():
        _check_unique(languages.values(), tables, field, names)
    return languages


def default_set(languages: Mapping[str, Language]) -> dict[str, Language]:
    """Return the languages whose images ``make up`` builds."""
    return {name: language for name, language in languages.items() if language.default}


def _parse_language(language_id: str, tables: LanguageTables) -> Language:
    try:
        language = msgspec.convert(tables.fields, Language)
    except msgspec.ValidationError as e:
        field, problem = _parse_error(str(e))
        raise tables.error(field, problem) from e
    try:
        resolve_limits(language.limits, LimitOverrides())
    except InvalidRequest as e:
        raise tables.error(tuple(e.field.split(".")), e.reason) from e
    if language.id != language_id:
        raise tables.error(("id",), f"must be {language_id!r}, as in the file name, not {language.id!r}")
    return language


def _parse_error(message: str) -> tuple[tuple[str | int, ...], str]:
    """Split a message of msgspec, such as "Expected `str`, got `int` - at `$.packages.debian[0]`", at the field."""
    problem, _, location = message.partition(" - at ")
    path = re.search(r"`\$([^`]*)`", location)
    field: tuple[str | int, ...] = tuple(
        int(index) if index else name for name, index in _PATH_PART.findall(path[1] if path else "")
    )
    # The message about a missing or unknown field, or of a check in this module, names a field of this table.
    named = re.search(r"`(\w+)`", problem)
    if named and not problem.startswith("Expected"):
        field = (*field, *([named[1]] if field[-1:] != (named[1],) else []))
    return field, problem


def _own_names(language: Language) -> Sequence[str]:
    return (language.id, *language.aliases)


def _judge0_ids(language: Language) -> Sequence[str]:
    return [str(number) for number in language.compat.judge0]


def _piston_names(language: Language) -> Sequence[str]:
    return language.compat.piston


# In Piston, the versions of a language have the same names.
_PISTON_NAMES: Final = "compat.piston"
# Names that no two languages may share, by field.
_UNIQUE_NAMES: Final = {"aliases": _own_names, "compat.judge0": _judge0_ids, _PISTON_NAMES: _piston_names}


def _check_unique(
    languages: Iterable[Language],
    tables: Mapping[str, LanguageTables],
    field: str,
    names: Callable[[Language], Sequence[str]],
) -> None:
    owners: dict[str, Language] = {}
    for language in languages:
        for name in names(language):
            owner = owners.setdefault(name, language)
            if owner is not language and (field != _PISTON_NAMES or _family(owner) != _family(language)):
                path = tables[owner.id].path
                raise tables[language.id].error(tuple(field.split(".")), f"{name!r} is already used by {path}")


def _family(language: Language) -> str:
    return language.version_of or language.id


def _check_placeholders(phase: str, command: Sequence[str], sources: Sequence[str]) -> None:
    for part in command:
        for name in _PLACEHOLDER.findall(part):
            if name not in ("entrypoint", "sources", "stem", "heap_mib", *(("options",) if phase == "compile" else ())):
                raise ValueError(f"`{phase}`: unknown placeholder {{{name}}}")
        for name in ("sources", "options"):
            if f"{{{name}}}" in part and part != f"{{{name}}}":
                raise ValueError(f"`{phase}`: {{{name}}} must be a whole argument, not part of {part!r}")
        if part == "{sources}" and not sources:
            raise ValueError(f"`{phase}`: {{sources}} requires the field `sources`")


def _check_heap(field: str, texts: Iterable[str], heap: Heap | None) -> None:
    if heap is None and any(_HEAP in text for text in texts):
        raise ValueError(f"`{field}`: {_HEAP} requires the table `heap`")


def _as_argument(path: str) -> str:
    """Return a path that a command does not take for an option."""
    return f"./{path}" if path.startswith("-") else path
