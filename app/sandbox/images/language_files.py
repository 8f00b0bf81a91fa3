"""Language files: TOML files whose tables are merged with those of the language they extend, and their errors."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.core.errors import PyxecError

__all__ = ["CatalogueError", "LanguageTables", "read_language_files"]

FieldPath = tuple[str | int, ...]

# Fields that belong to one language alone. A language that extends another one does not have them from it.
_NOT_INHERITED: Final = ("name", "aliases", "default", "compat", "extends", "version", "version_of")
# A version has the id of its language and its own name. The names of the compat APIs are those of the language.
_NOT_IN_VERSIONS: Final = ("id", "extends", "version", "version_of", "sources", "file_name")
# Fields that are appended to those of the other table, not replaced.
_APPENDED: Final = ("setup", "dockerfile")
_PACKAGE_NAME: Final = re.compile(r"^(@?[^@=]+)")
_VERSION_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,15}")
_NAME_PROBLEM: Final = "must be lower-case letters, digits, '.' and '-', such as '21'"


class CatalogueError(PyxecError):
    """A file of the catalogue is invalid. The message names the file, the line and the field."""


@dataclass(frozen=True)
class LanguageTables:
    """The merged tables of one version of a language.

    Attributes:
        path: File that defines the version.
        fields: Fields of ``Language``, without those that were only needed to merge them.
        version_index: Index of the version's table in the file; None for the only version.
    """

    path: Path
    fields: Mapping[str, Any]
    version_index: int | None = None

    def error(self, field_path: FieldPath, problem: str) -> CatalogueError:
        """Return an error about a field of ``Language``, with its line in the file."""
        paths = (
            [field_path] if self.version_index is None else [("version", self.version_index, *field_path), field_path]
        )
        return _file_error(self.path, paths, problem)


@dataclass
class _LanguageFile:
    path: Path
    fields: dict[str, Any]


def read_language_files(folders: Iterable[Path]) -> dict[str, LanguageTables]:
    """Read every ``*.toml`` file of the folders and return the merged tables by language id.

    A version that is not the default one has the id ``<language>-<version>``.

    Raises:
        CatalogueError: A folder has no such file, a file is not TOML, two files have the same name, or ``extends`` or
            ``version`` is invalid. The other fields are not checked.
    """
    return _Merger(_read_files(folders)).merge_all()


class _Merger:
    def __init__(self, files: Mapping[str, _LanguageFile]) -> None:
        self._files = files
        self._merged: dict[str, LanguageTables] = {}

    def merge_all(self) -> dict[str, LanguageTables]:
        for language_id in self._files:
            self._merge(language_id, ())
        return self._merged

    def _merge(self, language_id: str, chain: Sequence[str]) -> None:
        """Merge a file with the language it extends, which is merged first."""
        if language_id in self._merged:
            return
        file = self._files[language_id]
        fields = file.fields
        if "extends" in fields:
            fields = _merge_tables(self._read_base(file, (*chain, language_id)), fields)
        for name, tables in _expand_versions(file.path, fields).items():
            if name in self._merged or (name != language_id and name in self._files):
                raise _file_error(file.path, [("version",)], f"the id {name!r} is already used")
            self._merged[name] = tables

    def _read_base(self, file: _LanguageFile, chain: Sequence[str]) -> dict[str, Any]:
        base = file.fields["extends"]
        if not isinstance(base, str):
            raise _file_error(file.path, [("extends",)], "must be the id of a language")
        extended = next((other for other in chain if base == other or base in self._version_ids(other)), None)
        if extended is not None:
            cycle = " -> ".join((*chain[chain.index(extended) :], base))
            raise _file_error(file.path, [("extends",)], f"is cyclic: {cycle}")
        # The id of a version starts with that of its language.
        for language_id in self._files.keys() - set(chain):
            if base == language_id or base.startswith(f"{language_id}-"):
                self._merge(language_id, chain)
        if base not in self._merged:
            raise _file_error(file.path, [("extends",)], f"there is no language {base!r}")
        return {name: value for name, value in self._merged[base].fields.items() if name not in _NOT_INHERITED}

    def _version_ids(self, language_id: str) -> set[str]:
        """Return the ids of the versions in a file whose fields are not checked."""
        versions = self._files[language_id].fields.get("version")
        if not isinstance(versions, list):
            return set()
        return {f"{language_id}-{version.get('name')}" for version in versions if isinstance(version, dict)}


def _read_files(folders: Iterable[Path]) -> dict[str, _LanguageFile]:
    files: dict[str, _LanguageFile] = {}
    for folder in folders:
        paths = sorted(folder.glob("*.toml"))
        if not paths:
            raise CatalogueError(f"{folder}: contains no language; expected files such as python.toml")
        for path in paths:
            if path.stem in files:
                raise CatalogueError(f"{path}:1: `id`: {path.stem!r} is already defined in {files[path.stem].path}")
            files[path.stem] = _LanguageFile(path, _read_toml(path))
    return files


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as e:
        line = re.search(r"at line (\d+)", str(e))
        raise CatalogueError(f"{path}:{line[1] if line else _count_lines(path)}: {e}") from e
    except UnicodeDecodeError as e:
        raise CatalogueError(f"{path}:1: {e}") from e
    except OSError as e:
        raise CatalogueError(f"{path}: cannot be read: {e.strerror}") from e


def _count_lines(path: Path) -> int:
    return max(1, len(path.read_text("utf-8").splitlines()))


def _expand_versions(path: Path, fields: Mapping[str, Any]) -> dict[str, LanguageTables]:
    """Return the tables of each version by id; without ``[[version]]``, those of the language."""
    common = {name: value for name, value in fields.items() if name not in ("version", "extends")}
    if "version_of" in common:
        raise _file_error(path, [("version_of",)], "unknown field")
    if "version" not in fields:
        return {path.stem: LanguageTables(path, common)}
    versions = fields["version"]
    if not isinstance(versions, list) or not versions or not all(isinstance(version, dict) for version in versions):
        raise _file_error(path, [("version",)], "must be one or more tables [[version]]")
    _check_versions(path, versions)
    expanded: dict[str, LanguageTables] = {}
    for index, version in enumerate(versions):
        own = {name: value for name, value in version.items() if name not in ("name", "default")}
        if version.get("default", False):
            expanded[path.stem] = LanguageTables(path, _merge_tables(common, own), index)
        else:
            base = {name: value for name, value in common.items() if name not in ("aliases", "default", "compat")}
            # Piston has several versions under one name. An id of Judge0 selects one version.
            piston = common.get("compat", {}).get("piston")
            base |= {"compat": {"piston": piston}} if piston else {}
            version_id = f"{path.stem}-{version['name']}"
            base |= {"id": version_id, "version_of": path.stem}
            expanded[version_id] = LanguageTables(path, _merge_tables(base, own), index)
    return expanded


def _check_versions(path: Path, versions: Sequence[Mapping[str, Any]]) -> None:
    names: set[str] = set()
    for index, version in enumerate(versions):
        name = version.get("name")
        if not isinstance(name, str) or not _VERSION_NAME.fullmatch(name):
            raise _file_error(path, [("version", index, "name")], _NAME_PROBLEM)
        if name in names:
            raise _file_error(path, [("version", index, "name")], f"{name!r} is used by two versions")
        names.add(name)
        for forbidden in _NOT_IN_VERSIONS:
            if forbidden in version:
                raise _file_error(path, [("version", index, forbidden)], "unknown field of a version")
        if not isinstance(version.get("default", False), bool):
            raise _file_error(path, [("version", index, "default")], "must be true or false")
    if sum(version.get("default", False) for version in versions) != 1:
        raise _file_error(path, [("version",)], "exactly one version must have `default = true`")


def _merge_tables(base: Mapping[str, Any], own: Mapping[str, Any], parent: str = "") -> dict[str, Any]:
    """Merge two tables: lists of packages and scripts are appended, tables merged, and other values replaced."""
    merged = dict(base)
    for name, value in own.items():
        previous = base.get(name)
        if isinstance(value, dict) and isinstance(previous, dict):
            merged[name] = _merge_tables(previous, value, name)
        elif parent == "packages" and isinstance(value, list) and isinstance(previous, list):
            merged[name] = _merge_packages(previous, value)
        elif name in _APPENDED and isinstance(value, str) and isinstance(previous, str):
            merged[name] = f"{previous.rstrip()}\n{value}"
        else:
            merged[name] = value
    return merged


def _merge_packages(base: Sequence[Any], own: Sequence[Any]) -> list[Any]:
    """Append packages. A package with another version replaces that of the base."""
    names = {_package_name(package) for package in own}
    return [*(package for package in base if _package_name(package) not in names), *own]


def _package_name(package: object) -> str:
    match = _PACKAGE_NAME.match(str(package))
    return match[1] if match else str(package)


def _file_error(path: Path, fields: Sequence[FieldPath], problem: str) -> CatalogueError:
    """Return an error with the line of the field of which the file contains most."""
    text = path.read_text("utf-8")
    document = tomllib.loads(text)
    existing = {field_path: _existing_part(document, field_path) for field_path in fields}
    found = min(existing, key=lambda field_path: len(field_path) - len(existing[field_path]))
    line = _find_line(text, existing[found])
    return CatalogueError(f"{path}:{line}: `{_format_field(found)}`: {problem}")


def _format_field(field_path: FieldPath) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in field_path)
    return text.removeprefix(".")


def _find_line(text: str, field_path: FieldPath) -> int:
    """Return the line on which a field of a TOML document starts.

    The first lines of a TOML file are a TOML document if no value is open at their end. So the line of a field is the
    first one after the longest document without the field.
    """
    lines = text.splitlines()
    complete = 0
    for count in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("\n".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue
        if field_path and _existing_part(document, field_path) == field_path:
            return complete + 1
        complete = count
    return 1


def _existing_part(document: object, field_path: FieldPath) -> FieldPath:
    """Return the longest start of a path that exists. The elements of an array of values belong to the array."""
    existing: FieldPath = ()
    for part in field_path:
        if isinstance(part, str) and isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(part, int) and isinstance(document, list) and part < len(document):
            document = document[part]
            if not isinstance(document, dict):
                break
        else:
            break
        existing = (*existing, part)
    return existing
