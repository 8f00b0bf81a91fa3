"""``pyxec queues``: shows the stats of all queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyxec.cli.job_options import DEFAULT_URL, Json, Url

if TYPE_CHECKING:
    from app.cli.admin_client import Lane, Queue

__all__ = ["queues"]


def queues(url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Show every queue and its lanes, one for each priority. Requires an admin key in PYXEC_API_KEY."""
    from app.cli.admin_client import AdminClient
    from pyxec.cli.json_output import print_json

    stats = AdminClient(url).queues()
    if as_json:
        print_json(stats)
        return
    from rich.table import Table

    from pyxec.cli.tables import print_table

    table = Table("queue", "waiting", "running", "delayed", "dead", "oldest")
    for queue in stats:
        oldest = "" if queue.oldest_seconds is None else f"{queue.oldest_seconds:.1f} s"
        table.add_row(queue.name, *_depths(queue), str(queue.dead), oldest)
        for lane in queue.lanes:
            table.add_row(f"  {lane.name}", *_depths(lane), style="dim")
    print_table(table, "There are no queues.")


def _depths(stats: Queue | Lane) -> tuple[str, str, str]:
    return str(stats.waiting), str(stats.running), str(stats.delayed)
