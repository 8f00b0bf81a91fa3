"""``pyxec tail``: see a job from its beginning, whether it waits, runs or has ended."""

from __future__ import annotations

from typing import Annotated

import typer

from app.commands.job_options import DEFAULT_URL, Json, Url

__all__ = ["tail"]


def tail(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="The job.")],
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Show all that a job has printed, follow it to its end, and exit as `pyxec run` would. Ctrl-C only looks away."""
    from app.client.service import Service
    from app.client.stream import JobStream
    from app.commands.exit_codes import OUTPUT_CLOSED, exit_code
    from app.commands.json_output import print_json
    from app.commands.notes import note
    from app.commands.viewer import Viewer

    stream = JobStream(url, job_id, on_drop=lambda reason: note(f"{reason}; coming back"))
    try:
        code = exit_code(Viewer(silent=as_json).follow(stream))
    except BrokenPipeError:
        code = OUTPUT_CLOSED
    if as_json:
        print_json(Service(url).job(job_id))
    raise typer.Exit(code)
