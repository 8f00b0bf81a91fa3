"""The parts of a language's file: what its image is made of, and the programs that show that it works."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

__all__ = ["Command", "Compat", "Hello", "Packages", "Programs", "Text", "VersionProbe"]

_DebianPackage = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9+.-]+$")]
# From these two a version has to be named: what is newest changes under our feet, and a build should not.
_PythonPackage = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.+]*$")]
_NodePackage = Annotated[
    str, msgspec.Meta(pattern=r"^(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*@[0-9][A-Za-z0-9.+-]*$")
]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Command = Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]


class Packages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What has to be installed in the image: Debian packages, then wheels (``name==version``), then npm packages
    (``name@version``), these two for everybody, below /usr/local."""

    debian: tuple[_DebianPackage, ...]
    python: tuple[_PythonPackage, ...] = ()
    node: tuple[_NodePackage, ...] = ()


class VersionProbe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the version is read from a built image: the first group of `pattern`, searched in what `command` prints."""

    command: Command
    pattern: Text

    def __post_init__(self) -> None:
        try:
            groups = re.compile(self.pattern).groups
        except re.error as e:
            raise ValueError(f"`pattern` is no regular expression: {e}") from e
        if groups != 1:
            raise ValueError(f"`pattern` needs exactly one group, not {groups}")


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The smallest program, and all that it prints."""

    source: Text
    output: Text


class Programs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Programs whose end is known, one for each way to end.

    Parameters:
        echo: prints its standard input, line by line.
        runtime_error: starts, and then ends badly by itself.
        time_limit: runs for ever and takes processor time.
        compile_error: is refused before anything runs; there exactly when the language has a compile phase.
    """

    echo: Text
    runtime_error: Text
    time_limit: Text
    compile_error: Text | None = None


class Compat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What other engines call this language."""

    judge0: tuple[int, ...] = ()
    piston: tuple[Text, ...] = ()
