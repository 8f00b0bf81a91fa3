"""YAML files whose errors name file, line and field."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import yaml

from pyxec.errors import PyxecError

__all__ = ["Document", "PackageError"]


class PackageError(PyxecError):
    """A problem package is malformed.

    Attributes:
        path: The file or folder.
        line: Line in the file, from 1. None if the error is not in a line.
        field: Path of the field, such as ``limits.memory``. Empty if no single field is invalid.
        reason: The problem, and the allowed values.
    """

    def __init__(self, path: Path, reason: str, *, line: int | None = None, field: str = "") -> None:
        place = str(path) if line is None else f"{path}:{line}"
        super().__init__(": ".join(part for part in (place, field, reason) if part))
        self.path = path
        self.line = line
        self.field = field
        self.reason = reason


class Document:
    """A mapping in a YAML file. Unknown fields are ignored: the format has many that do not influence judging.

    Args:
        path: The file.
        node: The mapping. None for an empty one.
        prefix: Path of the mapping within the file, such as ``limits.``.
    """

    def __init__(self, path: Path, node: yaml.MappingNode | None, prefix: str = "") -> None:
        self._path = path
        self._prefix = prefix
        self._line = None if node is None else node.start_mark.line + 1
        self._values: dict[str, yaml.Node] = {}
        for key, value in node.value if node is not None else ():
            name = str(key.value)
            if name in self._values:
                raise PackageError(path, "is a duplicate", line=key.start_mark.line + 1, field=f"{prefix}{name}")
            self._values[name] = value

    @classmethod
    def read(cls, path: Path) -> Document:
        """Read a file. An empty file is an empty mapping.

        Raises:
            PackageError: The file cannot be read, or is not a YAML mapping.
        """
        try:
            node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except (OSError, UnicodeDecodeError) as e:
            raise PackageError(path, f"cannot be read: {e}") from e
        except yaml.YAMLError as e:
            mark, problem = getattr(e, "problem_mark", None), getattr(e, "problem", None)
            line = None if mark is None else mark.line + 1
            raise PackageError(path, f"is not valid YAML: {problem or e}", line=line) from e
        if node is not None and not isinstance(node, yaml.MappingNode):
            raise PackageError(path, "must be a mapping", line=node.start_mark.line + 1)
        return cls(path, node)

    def __contains__(self, field: str) -> bool:
        return field in self._values and self._values[field].tag != "tag:yaml.org,2002:null"

    def fail(self, field: str, reason: str) -> PackageError:
        """Return the error of a field."""
        node = self._values.get(field)
        line = self._line if node is None else node.start_mark.line + 1
        return PackageError(self._path, reason, line=line, field=f"{self._prefix}{field}")

    def text(self, field: str, default: str, allowed: Collection[str] = ()) -> str:
        """Return a text.

        Raises:
            PackageError: It is not a text, or not one of the allowed ones.
        """
        value = self._scalar(field, default)
        if allowed and value not in allowed:
            raise self.fail(field, f"must be one of {', '.join(sorted(allowed))}")
        return value

    def number(self, field: str, default: float, minimum: float = -math.inf) -> float:
        """Return a finite number.

        Raises:
            PackageError: It is not a number, or is lower than the minimum.
        """
        reason = "must be a number" if minimum == -math.inf else f"must be a number of at least {minimum:g}"
        try:
            number = float(self._scalar(field, str(default)))
        except ValueError:
            raise self.fail(field, reason) from None
        if field in self and not (math.isfinite(number) and number >= minimum):
            raise self.fail(field, reason)
        return number

    def words(self, field: str) -> tuple[str, ...]:
        """Return the words of a text, or the items of a list of texts.

        Raises:
            PackageError: It is neither.
        """
        node = self._values.get(field)
        if isinstance(node, yaml.SequenceNode):
            if not all(isinstance(item, yaml.ScalarNode) for item in node.value):
                raise self.fail(field, "must be a list of texts")
            return tuple(str(item.value) for item in node.value)
        return tuple(self._scalar(field, "").split())

    def map(self, field: str) -> Document:
        """Return a mapping; an empty one if the field is missing.

        Raises:
            PackageError: It is not a mapping.
        """
        node = self._values.get(field)
        if node is None or field not in self:
            return Document(self._path, None, f"{self._prefix}{field}.")
        if not isinstance(node, yaml.MappingNode):
            raise self.fail(field, "must be a mapping")
        return Document(self._path, node, f"{self._prefix}{field}.")

    def first_text(self, field: str, default: str) -> str:
        """Return a text, or the first value of a mapping, such as the name of a problem by language."""
        node = self._values.get(field)
        if isinstance(node, yaml.MappingNode):
            return next(self.map(field)._texts(), default)
        return self.text(field, default)

    def _texts(self) -> Iterator[str]:
        return (self.text(field, "") for field in self._values)

    def _scalar(self, field: str, default: str) -> str:
        if field not in self:
            return default
        node: Any = self._values[field]
        if not isinstance(node, yaml.ScalarNode):
            raise self.fail(field, "must be a text or a number")
        return str(node.value)
