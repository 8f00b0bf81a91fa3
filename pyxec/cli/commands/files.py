"""``pyxec files``: uploads, lists, downloads and deletes files that jobs refer to."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pyxec.cli.job_options import DEFAULT_URL, Json, Url

__all__ = ["files"]

files = typer.Typer(help="Upload, list, download and delete files that jobs refer to.", no_args_is_help=True)
_FileId = Annotated[str, typer.Argument(metavar="ID", help="The id of the file.")]


@files.command()
def put(
    paths: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, readable=True, help="The files.")],
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Upload files and print their ids. A progress bar is shown on a terminal."""
    from pyxec import Client
    from pyxec.cli.json_output import print_json
    from pyxec.cli.notes import note
    from pyxec.cli.progress import transfer_progress

    client, uploaded = Client(url, on_retry=note), []
    for path in paths:
        with transfer_progress(path.name, path.stat().st_size) as on_progress:
            file = client.upload(path, on_progress=on_progress)
        uploaded.append(file)
        if not as_json:
            sys.stdout.write(f"{file.file_id}  {path}\n")
            sys.stdout.flush()
    if as_json:
        print_json(uploaded)


@files.command(name="list")
def list_files(url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """List the files of the API key in PYXEC_API_KEY, newest first."""
    from rich.filesize import decimal
    from rich.markup import escape
    from rich.table import Table

    from pyxec import Client
    from pyxec.cli.json_output import print_json
    from pyxec.cli.notes import note
    from pyxec.cli.tables import print_table

    found = list(Client(url, on_retry=note).files())
    if as_json:
        print_json(found)
        return
    table = Table("id", "name", "size", "expires")
    for file in found:
        table.add_row(file.file_id, escape(file.name), decimal(file.size_bytes), file.expires_at)
    print_table(table, "There are no files. `pyxec files put PATH` uploads one.")


@files.command()
def get(
    file_id: _FileId,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="PATH", help="Default: standard output.")
    ] = None,
    url: Url = DEFAULT_URL,
) -> None:
    """Download a file."""
    from contextlib import nullcontext

    from pyxec import Client
    from pyxec.cli.notes import note
    from pyxec.cli.progress import transfer_progress

    pieces = Client(url, on_retry=note).download(file_id)
    first = next(pieces, b"")  # an error leaves an existing file as it is
    received = 0
    with (
        transfer_progress(file_id, None) as on_progress,
        nullcontext(sys.stdout.buffer) if output is None else output.open("wb") as target,
    ):
        piece: bytes | None = first
        while piece:
            target.write(piece)
            received += len(piece)
            on_progress(received)
            piece = next(pieces, None)


@files.command()
def rm(
    file_ids: Annotated[list[str], typer.Argument(metavar="ID...", help="The ids of the files.")],
    url: Url = DEFAULT_URL,
) -> None:
    """Delete files. Queued and running jobs that refer to them keep their content."""
    from pyxec import Client
    from pyxec.cli.notes import note

    client = Client(url, on_retry=note)
    for file_id in file_ids:
        client.delete_file(file_id)
