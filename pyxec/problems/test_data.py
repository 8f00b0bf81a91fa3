"""The tests of a problem package and the settings of their groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pyxec.problems.document import Document, PackageError

__all__ = ["Group", "GroupSettings", "PackageTest", "read_groups"]

# Of the legacy format and of 2023-07.
_SETTINGS_FILES: Final = ("testdata.yaml", "test_group.yaml")
_AGGREGATIONS: Final = ("sum", "avg", "min", "max")


@dataclass(frozen=True)
class GroupSettings:
    """The settings of a group, which its subgroups inherit in the legacy format.

    Attributes:
        validator_args: Arguments of the output validator for the tests of the group.
        accept_score: Score of an accepted test, unless the validator gives one.
        reject_score: Score of another test.
        aggregation: ``sum``, ``avg``, ``min`` or ``max`` of the scores of tests and subgroups.
        max_score: 2023-07: the score of the group if all its tests are accepted. None in the legacy format.
        is_pass_fail: 2023-07: whether the group has either ``max_score`` or 0.
        ignores_sample: Whether the group does not count its subgroup ``sample``.
    """

    validator_args: tuple[str, ...] = ()
    accept_score: float = 1.0
    reject_score: float = 0.0
    aggregation: str = "sum"
    max_score: float | None = None
    is_pass_fail: bool = False
    ignores_sample: bool = False


@dataclass(frozen=True)
class PackageTest:
    """A test: the files ``.in`` and ``.ans``.

    Attributes:
        name: Path below ``data`` without the suffix, such as ``secret/1-small/03``.
        input: The input file.
        answer: The answer file.
        validator_args: Arguments of the output validator.
    """

    name: str
    input: Path
    answer: Path
    validator_args: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """A folder of tests.

    Attributes:
        name: Path below ``data``. Empty for ``data`` itself.
        tests: The tests in the folder, in the order of their names.
        subgroups: The folders in the folder, in the order of their names.
    """

    name: str
    settings: GroupSettings
    tests: tuple[PackageTest, ...] = ()
    subgroups: tuple[Group, ...] = field(default=())

    def all_tests(self) -> Iterator[PackageTest]:
        """Yield the tests of the group and its subgroups, in the order in which they are judged."""
        yield from self.tests
        for group in self.subgroups:
            yield from group.all_tests()


def read_groups(data: Path, validator_args: tuple[str, ...], *, is_legacy: bool) -> Group:
    """Read the folder ``data`` of a package.

    Args:
        data: The folder.
        validator_args: Arguments of the output validator of all tests.
        is_legacy: Whether groups inherit all settings. Since 2023-07, they inherit only the arguments of the output
            validator, and the tests in ``sample`` have no score.

    Raises:
        PackageError: A settings file is malformed, an answer is missing, or there is no test.
    """
    if not data.is_dir():
        raise PackageError(data, "must be a folder with sample and secret tests")
    settings = _read_settings(data, GroupSettings(validator_args=validator_args, ignores_sample=not is_legacy))
    folders = [data / name for name in ("sample", "secret") if (data / name).is_dir()]
    subgroups = tuple(_read_group(folder, data, settings, is_legacy) for folder in folders)
    root = Group("", settings, subgroups=subgroups)
    if not any(True for _ in root.all_tests()):
        raise PackageError(data, "must contain at least one test, such as secret/1.in with secret/1.ans")
    return root


def _read_group(folder: Path, data: Path, inherited: GroupSettings, is_legacy: bool) -> Group:
    if not is_legacy:
        inherited = GroupSettings(validator_args=inherited.validator_args)
    settings = _read_settings(folder, inherited)
    tests = tuple(_read_test(path, data, settings) for path in sorted(folder.glob("*.in")))
    folders = [path for path in sorted(folder.iterdir()) if path.is_dir()]
    subgroups = tuple(_read_group(path, data, settings, is_legacy) for path in folders)
    return Group(folder.relative_to(data).as_posix(), settings, tests, subgroups)


def _read_test(path: Path, data: Path, settings: GroupSettings) -> PackageTest:
    answer = path.with_suffix(".ans")
    if not answer.is_file():
        raise PackageError(answer, f"is missing; it is the answer of {path.name}")
    name = path.relative_to(data).with_suffix("").as_posix()
    return PackageTest(name, path, answer, settings.validator_args)


def _read_settings(folder: Path, inherited: GroupSettings) -> GroupSettings:
    path = next((folder / name for name in _SETTINGS_FILES if (folder / name).is_file()), None)
    if path is None:
        return inherited
    document = Document.read(path)
    if path.name == _SETTINGS_FILES[0]:
        return _read_legacy(document, inherited)
    return _read_current(document, inherited, "sum" if folder.name in ("data", "secret") else "pass-fail")


def _read_legacy(document: Document, inherited: GroupSettings) -> GroupSettings:
    document.text("on_reject", "break", ("break", "continue"))
    if document.text("grading", "default", ("default", "custom")) == "custom":
        raise document.fail("grading", "custom graders are not supported; must be default")
    flags = document.words("grader_flags")
    known = {*_AGGREGATIONS, "worst_error", "first_error", "always_accept", "accept_if_any_accepted", "ignore_sample"}
    if unknown := [flag for flag in flags if flag not in known]:
        raise document.fail("grader_flags", f"{unknown[0]} is unknown; must be {', '.join(sorted(known))}")
    has_args = "output_validator_flags" in document
    return GroupSettings(
        validator_args=document.words("output_validator_flags") if has_args else inherited.validator_args,
        accept_score=document.number("accept_score", 1.0),
        reject_score=document.number("reject_score", 0.0),
        aggregation=next((flag for flag in flags if flag in _AGGREGATIONS), "sum"),
        ignores_sample="ignore_sample" in flags,
    )


def _read_current(document: Document, inherited: GroupSettings, default_aggregation: str) -> GroupSettings:
    has_args = "output_validator_args" in document
    aggregation = document.text("score_aggregation", default_aggregation, ("sum", "min", "pass-fail"))
    return GroupSettings(
        validator_args=document.words("output_validator_args") if has_args else inherited.validator_args,
        aggregation="min" if aggregation == "pass-fail" else aggregation,
        max_score=document.number("max_score", 1.0, 0) if "max_score" in document else None,
        is_pass_fail=aggregation == "pass-fail",
        ignores_sample=inherited.ignores_sample,
    )
