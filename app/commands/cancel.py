"""``pyxec cancel``: end a job that waits or runs."""

from __future__ import annotations

from typing import Annotated

import typer

from app.commands.job_options import DEFAULT_URL, Url

__all__ = ["cancel"]


def cancel(job_id: Annotated[str, typer.Argument(metavar="ID", help="The job.")], url: Url = DEFAULT_URL) -> None:
    """Ask for a job's end. One that has ended stays as it is."""
    from app.client.service import Service

    Service(url).cancel(job_id)
