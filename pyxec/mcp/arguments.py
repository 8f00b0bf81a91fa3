"""The arguments of the tools, their JSON Schemas, and their descriptions for language models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from pyxec.mcp.text import MAX_TEXT_CHARACTERS

__all__ = ["NEW_WORKSPACE", "TOOLS", "ListFiles", "ListLanguages", "ReadFile", "RunCode", "ToolSpec", "WriteFile"]

#: In place of the id of a workspace: create one.
NEW_WORKSPACE: Final = "new"

_WORKSPACE: Final = "Id of a workspace. `new` creates one; the result has its id."
_Path = Annotated[str, Meta(description="Path relative to the working directory, for example `data/table.csv`.")]


class RunCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of ``run_code``."""

    language: Annotated[str, Meta(description="Id or alias of a language of `list_languages`, for example `python`.")]
    code: Annotated[str, Meta(description="The program.")]
    stdin: Annotated[str, Meta(description="Standard input.")] = ""
    files: Annotated[
        dict[str, str], Meta(description="More files for the program: path in the working directory to text.")
    ] = {}
    workspace: (
        Annotated[
            str,
            Meta(
                description="Id of a workspace, whose files the program finds in its working directory, and which "
                "keeps the files that it leaves there. `new` creates one; the result has its id."
            ),
        ]
        | None
    ) = None
    timeout_seconds: (
        Annotated[
            float, Meta(gt=0, description="The program is stopped after this time. Default: the limit of the language.")
        ]
        | None
    ) = None


class ListLanguages(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of ``list_languages``."""


class ReadFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of ``read_file``."""

    workspace: Annotated[str, Meta(description="Id of a workspace.")]
    path: _Path


class WriteFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of ``write_file``."""

    workspace: Annotated[str, Meta(description=_WORKSPACE)]
    path: _Path
    content: Annotated[str, Meta(description="The text; base64 with `encoding`.")]
    encoding: Annotated[str, Meta(pattern="^(utf8|base64)$", description="`utf8` or `base64`.")] = "utf8"


class ListFiles(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of ``list_files``."""

    workspace: Annotated[str, Meta(description="Id of a workspace.")]


@dataclass(frozen=True)
class ToolSpec:
    """A tool.

    Attributes:
        arguments: The type of its arguments.
        title: A name for people.
        description: What it does, for language models.
        read_only: Whether it changes nothing.
    """

    arguments: type[msgspec.Struct]
    title: str
    description: str
    read_only: bool = False

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the arguments, without references."""
        _, definitions = msgspec.json.schema_components([self.arguments])
        return {key: value for key, value in definitions[self.arguments.__name__].items() if key != "title"}


TOOLS: Final[dict[str, ToolSpec]] = {
    "run_code": ToolSpec(
        RunCode,
        "Run code",
        "Run a program in a new sandbox without a network, and return stdout, stderr, the outcome, the exit code, the "
        "duration and the files that it left. Images that it writes are returned as images. A program that fails is a "
        "normal result. Variables do not persist between calls; the files of a workspace do. Of stdout and stderr, "
        f"the middle is removed above {MAX_TEXT_CHARACTERS} characters each, with a notice.",
    ),
    "list_languages": ToolSpec(
        ListLanguages, "List languages", "List the languages that run_code accepts, with their versions.", True
    ),
    "read_file": ToolSpec(
        ReadFile,
        "Read a file",
        "Read a file of a workspace. Images are returned as images. The middle of a text is removed above "
        f"{MAX_TEXT_CHARACTERS} characters, with a notice.",
        True,
    ),
    "write_file": ToolSpec(WriteFile, "Write a file", "Create or replace a file of a workspace."),
    "list_files": ToolSpec(ListFiles, "List files", "List the files of a workspace with their sizes.", True),
}
