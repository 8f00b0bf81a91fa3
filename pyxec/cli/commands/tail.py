"""``pyxec tail``: shows the output of a queued, running or finished job from the start."""

from __future__ import annotations

from typing import Annotated

import typer

from pyxec.cli.job_options import DEFAULT_URL, Json, Url

__all__ = ["tail"]


def tail(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="The job.")],
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Show the output of a job until it finishes. Exit codes as for `pyxec run`. Ctrl-C does not cancel the job."""
    from pyxec import Client, calls
    from pyxec.cli.exit_codes import OUTPUT_CLOSED, exit_code
    from pyxec.cli.json_output import print_json
    from pyxec.cli.notes import note
    from pyxec.cli.viewer import Viewer

    client = Client(url, on_retry=note)
    client.send(calls.status(job_id))  # states why, if there is no such job or the server is not Pyxec
    try:
        code = exit_code(Viewer(silent=as_json).follow(client.job(job_id).stream()))
    except BrokenPipeError:
        code = OUTPUT_CLOSED
    if as_json:
        print_json(client.send(calls.document(job_id)))
    raise typer.Exit(code)
