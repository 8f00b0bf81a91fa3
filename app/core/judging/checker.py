"""Checkers: programs that decide whether the output of a test is accepted."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from app.core.constraints import MAX_FILES, Arguments, Source, schema
from app.core.files import FileReference
from app.core.limits import LimitOverrides, Limits
from app.core.source_files import FileRequest, SourceFile
from app.core.version_ranges import VERSION_DESCRIPTION

__all__ = ["CheckerRequest", "CheckerSpec", "CheckerStyle"]


class CheckerStyle(StrEnum):
    """The arguments and exit codes of a checker.

    ``icpc``: the output validators of the problem package format of ICPC and Kattis. ``testlib``: the checkers of
    Codeforces, which use testlib.h.
    """

    ICPC = "icpc"
    TESTLIB = "testlib"


class CheckerRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``checker`` in a job request. It contains either ``source``, for one file, or ``files``."""

    language: Annotated[str, schema(description="An id or alias of `GET /v1/languages`.", examples=["cpp"])]
    version: Annotated[str | None, schema(description=VERSION_DESCRIPTION)] = None
    source: Source | FileReference | None = None
    files: Annotated[tuple[FileRequest, ...], schema(minItems=1, maxItems=MAX_FILES)] | None = None
    entrypoint: Annotated[str | None, schema(description="The file to run. Default: the first file.")] = None
    style: CheckerStyle = CheckerStyle.ICPC
    args: Annotated[Arguments, schema(description="Further arguments, after those of the style.")] = ()
    limits: LimitOverrides = LimitOverrides()


class CheckerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A complete, checked checker.

    Attributes:
        limits: The limits of its sandbox, and of each of its runs.
    """

    language: str
    files: tuple[SourceFile, ...]
    entrypoint: str
    style: CheckerStyle
    args: tuple[str, ...]
    limits: Limits
