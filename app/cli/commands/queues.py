"""``pyxec queues``: shows the stats of all queues, pauses and resumes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pyxec.cli.job_options import DEFAULT_URL, Json, Url

if TYPE_CHECKING:
    from app.cli.admin_client import Lane, Queue

__all__ = ["queues"]

queues = typer.Typer(help="Queues: show their stats, pause, resume. Requires an admin key in PYXEC_API_KEY.")
Name = Annotated[str, typer.Argument(metavar="QUEUE", help="jobs or webhooks.")]


@queues.callback(invoke_without_command=True)
def show(context: typer.Context, url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Show every queue and its lanes, one for each priority. Requires an admin key in PYXEC_API_KEY."""
    if context.invoked_subcommand is not None:
        return
    from app.cli.admin_client import AdminClient
    from pyxec.cli.json_output import print_json

    stats = AdminClient(url).queues()
    if as_json:
        print_json(stats)
        return
    from rich.table import Table

    from pyxec.cli.tables import print_table

    table = Table("queue", "waiting", "running", "delayed", "dead", "oldest", "state")
    for queue in stats:
        oldest = "" if queue.oldest_seconds is None else f"{queue.oldest_seconds:.1f} s"
        table.add_row(queue.name, *_depths(queue), str(queue.dead), oldest, "paused" if queue.is_paused else "")
        for lane in queue.lanes:
            table.add_row(f"  {lane.name}", *_depths(lane), style="dim")
    print_table(table, "There are no queues.")


@queues.command()
def pause(name: Name, url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Pause a queue: workers receive no further message. Running jobs continue, new ones are accepted and wait."""
    from app.cli.admin_client import AdminClient
    from pyxec.cli.json_output import print_json

    AdminClient(url).pause_queue(name)
    if as_json:
        print_json({"paused": name})


@queues.command()
def resume(name: Name, url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Resume a paused queue."""
    from app.cli.admin_client import AdminClient
    from pyxec.cli.json_output import print_json

    AdminClient(url).resume_queue(name)
    if as_json:
        print_json({"resumed": name})


def _depths(stats: Queue | Lane) -> tuple[str, str, str]:
    return str(stats.waiting), str(stats.running), str(stats.delayed)
