"""``pyxec jobs``: finds and cancels jobs of all callers. Requires an admin key in PYXEC_API_KEY."""

from __future__ import annotations

from typing import Annotated

import typer

from pyxec.cli.job_options import DEFAULT_URL, Json, Url

__all__ = ["jobs"]

jobs = typer.Typer(
    help="Jobs of all callers: list, show, cancel. Requires an admin key in PYXEC_API_KEY.", no_args_is_help=True
)
JobId = Annotated[str, typer.Argument(metavar="ID", help="Id of the job.")]


@jobs.command("list")
def list_jobs(
    owner: Annotated[
        str | None,
        typer.Option(
            "--owner", metavar="OWNER", help="key:ID for all jobs of an API key, or anonymous. Default: all owners."
        ),
    ] = None,
    status: Annotated[str | None, typer.Option("--status", help="queued, running or finished.")] = None,
    label: Annotated[list[str] | None, typer.Option("--label", metavar="NAME:VALUE", help="Repeatable.")] = None,
    count: Annotated[int, typer.Option("--limit", min=1, max=100, help="Maximum number.")] = 20,
    after: Annotated[str | None, typer.Option("--after", metavar="CURSOR", help="The next page.")] = None,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """List queued and running jobs, newest first. With --owner key:ID, also the finished jobs of this key."""
    from app.cli.admin_client import AdminClient
    from pyxec.cli.json_output import print_json

    page = AdminClient(url).jobs(owner=owner, status=status, labels=label or (), count=count, after=after)
    if as_json:
        print_json(page)
        return
    from rich.markup import escape
    from rich.table import Table

    from pyxec.cli.notes import note
    from pyxec.cli.tables import print_table
    from pyxec.cli.terminal_text import escape_control

    table = Table("id", "owner", "status", "outcome", "language", "priority", "created", "labels")
    for job in page.jobs:
        labels = ", ".join(f"{name}:{value}" for name, value in job.labels.items())
        table.add_row(
            job.id,
            job.owner,
            job.status,
            job.outcome or "",
            job.language,
            job.priority,
            job.created_at,
            escape(escape_control(labels)),
        )
    print_table(table, "There are no such jobs.")
    if page.next is not None:
        note(f"--after {page.next} shows the next page")


@jobs.command()
def show(job_id: JobId, url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Show a job of any caller, without its source and output."""
    from app.cli.admin_client import AdminClient
    from pyxec.cli.json_output import print_json

    job = AdminClient(url).job(job_id)
    if as_json:
        print_json(job)
        return
    import msgspec
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from pyxec.cli.terminal_text import escape_control

    table = Table("", "job", show_header=False)
    for name, value in msgspec.structs.asdict(job).items():
        table.add_row(name.replace("_", " "), "" if value is None else escape(escape_control(str(value))))
    Console().print(table)


@jobs.command()
def cancel(job_id: JobId, url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Cancel a job of any caller."""
    from app.cli.admin_client import AdminClient
    from pyxec.cli.json_output import print_json

    job = AdminClient(url).cancel_job(job_id)
    if as_json:
        print_json(job)
