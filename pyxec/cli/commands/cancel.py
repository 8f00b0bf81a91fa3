"""``pyxec cancel``: cancels a queued or running job."""

from __future__ import annotations

from typing import Annotated

import typer

from pyxec.cli.job_options import DEFAULT_URL, Json, Url

__all__ = ["cancel"]


def cancel(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="The job.")],
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Cancel a job. A finished job does not change."""
    from pyxec import Client, calls
    from pyxec.cli.json_output import print_json

    response = Client(url).send(calls.cancel(job_id))
    if as_json:
        print_json(response)
