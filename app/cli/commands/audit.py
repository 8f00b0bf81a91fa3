"""``pyxec audit``: shows the actions of administrators. Requires an admin key in PYXEC_API_KEY."""

from __future__ import annotations

from typing import Annotated

import typer

from pyxec.cli.job_options import DEFAULT_URL, Json, Url

__all__ = ["audit"]


def audit(
    count: Annotated[int, typer.Option("--limit", min=1, max=100, help="Maximum number.")] = 20,
    after: Annotated[str | None, typer.Option("--after", metavar="CURSOR", help="The next page.")] = None,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Show who changed what, and when, newest first. Requires an admin key in PYXEC_API_KEY."""
    from app.cli.admin_client import AdminClient
    from pyxec.cli.json_output import print_json

    page = AdminClient(url).audit_log(count, after)
    if as_json:
        print_json(page)
        return
    from rich.markup import escape
    from rich.table import Table

    from pyxec.cli.notes import note
    from pyxec.cli.tables import print_table
    from pyxec.cli.terminal_text import escape_control

    table = Table("at", "actor", "name", "address", "action", "target", "outcome")
    for entry in page.entries:
        texts = (entry.actor, entry.actor_name, entry.address or "", entry.action, entry.target, entry.outcome)
        table.add_row(entry.at, *(escape(escape_control(text)) for text in texts))
    print_table(table, "There are no actions.")
    if page.next is not None:
        note(f"--after {page.next} shows the next page")
