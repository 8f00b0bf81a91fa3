"""``pyxec submit``: submits a program without waiting for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pyxec.cli.job_options import DEFAULT_URL, JobOptions, Json, Url, takes_job_options

__all__ = ["submit"]


@takes_job_options
def submit(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The program.")],
    options: JobOptions,
    args: Annotated[list[str] | None, typer.Argument(help="Arguments of the program.")] = None,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Submit a program and print the id of the job. Options come before FILE. Follow it with `pyxec tail ID`."""
    from pyxec import Client, calls
    from pyxec.cli.job_request import job_request, unknown_language_explained
    from pyxec.cli.json_output import print_json
    from pyxec.cli.notes import note
    from pyxec.cli.stdin_source import open_file, upload_stdin
    from pyxec.connection import new_idempotency_key
    from pyxec.job_options import job_request as request_body

    client = Client(url, on_retry=note)
    languages = client.languages()
    with (
        upload_stdin(client, open_file(options.stdin)) as stdin,
        unknown_language_explained(file, options, languages),
    ):
        request = request_body(**job_request(file, args or [], options, stdin, languages))
        accepted = client.send(calls.submit(request, new_idempotency_key()))
    if as_json:
        print_json(accepted)
    else:
        sys.stdout.write(f"{accepted.id}\n")
