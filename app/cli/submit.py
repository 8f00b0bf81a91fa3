"""``pyxec submit``: put a program into the queue and leave."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.cli.job_options import DEFAULT_URL, JobOptions, Json, Url, takes_job_options

__all__ = ["submit"]


@takes_job_options
def submit(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The program.")],
    options: JobOptions,
    args: Annotated[list[str] | None, typer.Argument(help="Passed on to the program, whatever they look like.")] = None,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Submit a program and print the job's id. Options come before FILE; `pyxec tail` shows the job."""
    from app.cli.job_request import job_request
    from app.cli.json_output import print_json
    from app.cli.notes import note
    from app.cli.stdin_source import StdinSource, file_text
    from pyxec import Client, calls
    from pyxec.connection import new_key
    from pyxec.job_request import job_request as body_of

    client = Client(url, on_retry=note)
    stdin = StdinSource(text=file_text(options.stdin))
    request = body_of(**job_request(file, args or [], options, stdin, client.languages()))
    accepted = client.send(calls.submit(request, new_key()))
    if as_json:
        print_json(accepted)
    else:
        sys.stdout.write(f"{accepted.id}\n")
