"""``pyxec queues``: what waits, runs and is dead."""

from __future__ import annotations

from app.commands.job_options import DEFAULT_URL, Json, Url

__all__ = ["queues"]


def queues(url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Show every queue. Needs an admin key in PYXEC_API_KEY."""
    from app.client.admin import Admin
    from app.commands.json_output import print_json

    found = Admin(url).queues()
    if as_json:
        print_json(found)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("queue", "waiting", "running", "delayed", "dead", "oldest")
    for queue in found:
        oldest = "" if queue.oldest_seconds is None else f"{queue.oldest_seconds:.1f} s"
        table.add_row(queue.name, *map(str, (queue.waiting, queue.running, queue.delayed, queue.dead)), oldest)
    Console().print(table)
