"""Problem packages in the format of ICPC and Kattis, legacy and 2023-07.

https://www.kattis.com/problem-package-format/
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pyxec.problems.document import Document, PackageError
from pyxec.problems.test_data import Group, PackageTest, read_groups
from pyxec.problems.time_limit import TimeRule, read_time_rule

__all__ = ["Limits", "Package", "parse_comparison", "read_package", "read_source_files"]

_MIB: Final = 1024 * 1024
_TYPES: Final = frozenset({"pass-fail", "scoring", "interactive"})
_LEGACY: Final = frozenset({"legacy", "legacy-icpc"})
_TOLERANCES: Final = {
    "float_tolerance": ("float_absolute_tolerance", "float_relative_tolerance"),
    "float_absolute_tolerance": ("float_absolute_tolerance",),
    "float_relative_tolerance": ("float_relative_tolerance",),
}


@dataclass(frozen=True)
class Limits:
    """The limits of a problem. None stands for the default of the service, unless stated otherwise.

    Attributes:
        time_seconds: Processor time of a test. None if it follows from the accepted submissions.
        time_rule: How it follows from them.
        memory_bytes: Memory of a submission.
        output_bytes: Output of a test.
        compile_seconds: Time of the compiler.
        validation_seconds: Time of the output validator for a test.
        validation_memory_bytes: Memory of the output validator.
    """

    time_seconds: float | None = None
    time_rule: TimeRule = field(default_factory=TimeRule)
    memory_bytes: int | None = None
    output_bytes: int | None = None
    compile_seconds: float | None = None
    validation_seconds: float | None = None
    validation_memory_bytes: int | None = None


@dataclass(frozen=True)
class Package:
    """A problem package.

    Attributes:
        path: The folder.
        name: The name of the problem.
        is_scoring: Whether a submission has a score.
        is_interactive: Whether the output validator exchanges data with the submission.
        limits: The limits.
        groups: The tests, as a tree of groups.
        validator: The files of the custom output validator by name. None if outputs are compared with the answers.
    """

    path: Path
    name: str
    is_scoring: bool
    is_interactive: bool
    limits: Limits
    groups: Group
    validator: Mapping[str, bytes] | None

    @property
    def tests(self) -> tuple[PackageTest, ...]:
        """All tests in the order in which they are judged."""
        return tuple(self.groups.all_tests())


def read_package(path: Path | str) -> Package:
    """Read a problem package. Its tests are read when they are judged.

    Raises:
        PackageError: The package is malformed, or uses a part of the format that is not supported.
    """
    folder = Path(path)
    problem = folder / "problem.yaml"
    if not problem.is_file():
        raise PackageError(problem, "is missing; a problem package is a folder that contains it")
    document = Document.read(problem)
    version = document.text("problem_format_version", "legacy")
    if version not in _LEGACY and not version.startswith(("2023-07", "2025-09")):
        raise document.fail("problem_format_version", "must be legacy, legacy-icpc, 2023-07 or 2025-09")
    types = _read_types(document)
    validation = document.words("validation")
    if "validation" in document:
        _check_validation(document, validation)
    is_custom = "custom" in validation or (version not in _LEGACY)
    validator = _read_validator(folder) if is_custom else None
    is_interactive = "interactive" in types or "interactive" in validation
    if validator is None and (is_interactive or "custom" in validation):
        reason = "requires an output validator in output_validators/ or output_validator/"
        raise document.fail("validation" if "validation" in document else "type", reason)
    groups = read_groups(folder / "data", document.words("validator_flags"), is_legacy=version in _LEGACY)
    package = Package(
        path=folder,
        name=document.first_text("name", folder.resolve().name),
        is_scoring="scoring" in types,
        is_interactive=is_interactive,
        limits=_read_limits(document, folder, is_legacy=version in _LEGACY),
        groups=groups,
        validator=validator,
    )
    if validator is None:
        for test in package.tests:
            parse_comparison(package, test)
    return package


def parse_comparison(package: Package, test: PackageTest) -> dict[str, Any]:
    """Return the ``compare`` of a test for the arguments of the default output validator.

    Raises:
        PackageError: An argument is invalid.
    """
    comparison: dict[str, Any] = {"mode": "tokens", "case_sensitive": False}
    arguments = list(test.validator_args)
    while arguments:
        name = arguments.pop(0)
        if name in ("case_sensitive", "space_change_sensitive"):
            comparison[name] = True
        elif name in _TOLERANCES:
            try:
                tolerance = float(arguments.pop(0))
            except (IndexError, ValueError):
                raise PackageError(
                    package.path, f"{name} must be followed by a number", field="validator_flags"
                ) from None
            comparison |= dict.fromkeys(_TOLERANCES[name], tolerance)
        else:
            allowed = ", ".join(["case_sensitive", "space_change_sensitive", *_TOLERANCES])
            raise PackageError(package.path, f"{name} is unknown; must be {allowed}", field="validator_flags")
    return comparison


def read_source_files(path: Path) -> dict[str, bytes]:
    """Return the files of a program, a file or a folder: name to content.

    Raises:
        PackageError: There is no file, or one cannot be read.
    """
    paths = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    base = path.parent if path.is_file() else path
    try:
        files = {file.relative_to(base).as_posix(): file.read_bytes() for file in paths}
    except OSError as e:
        raise PackageError(path, f"cannot be read: {e}") from e
    if not files:
        raise PackageError(path, "must be a source file, or a folder of source files")
    return files


def _read_types(document: Document) -> frozenset[str]:
    types = frozenset(document.words("type") or ("pass-fail",))
    if unknown := sorted(types - _TYPES):
        raise document.fail("type", f"{unknown[0]} is not supported; must be {', '.join(sorted(_TYPES))}")
    return types


def _check_validation(document: Document, validation: tuple[str, ...]) -> None:
    if not validation or validation[0] not in ("default", "custom"):
        raise document.fail("validation", "must start with default or custom")
    if unknown := [word for word in validation[1:] if word not in ("score", "interactive")]:
        raise document.fail("validation", f"{unknown[0]} is unknown; after custom, must be score or interactive")


def _read_validator(folder: Path) -> dict[str, bytes] | None:
    root = next((folder / name for name in ("output_validator", "output_validators") if (folder / name).is_dir()), None)
    if root is None:
        return None
    programs = sorted(path for path in root.iterdir() if not path.name.startswith("."))
    if root.name == "output_validators":
        if len(programs) > 1:
            raise PackageError(root, "must contain one program; several output validators are not supported")
        root = programs[0] if programs else root
    files = read_source_files(root)
    if "build" in files:
        raise PackageError(root / "build", "is not supported; the output validator must be source files of a language")
    return files


def _read_limits(document: Document, folder: Path, *, is_legacy: bool) -> Limits:
    limits = document.map("limits")

    def bytes_of(field: str) -> int | None:
        return int(limits.number(field, 0, 1) * _MIB) if field in limits else None

    def seconds_of(field: str) -> float | None:
        return limits.number(field, 0, 0.001) if field in limits else None

    return Limits(
        time_seconds=seconds_of("time_limit") or _read_time_file(folder),
        time_rule=read_time_rule(limits, is_legacy=is_legacy),
        memory_bytes=bytes_of("memory"),
        output_bytes=bytes_of("output"),
        compile_seconds=seconds_of("compilation_time"),
        validation_seconds=seconds_of("validation_time"),
        validation_memory_bytes=bytes_of("validation_memory"),
    )


def _read_time_file(folder: Path) -> float | None:
    """Return the time limit of problemtools (``.timelimit``) or DOMjudge (``domjudge-problem.ini``), or None."""
    for name in (".timelimit", "domjudge-problem.ini"):
        path = folder / name
        if not path.is_file():
            continue
        try:
            if name == ".timelimit":
                return float(path.read_text())
            parser = configparser.ConfigParser()
            parser.read_string(f"[problem]\n{path.read_text()}")
            text = parser["problem"].get("timelimit", "").strip("'\" ")
            return float(text) if text else None
        except (ValueError, OSError, configparser.Error) as e:
            raise PackageError(path, "must contain the time limit in seconds", field="timelimit") from e
    return None
