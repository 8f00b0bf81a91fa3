"""``pyxec dead``: lists, shows, replays and drops dead letters. Requires an admin key in PYXEC_API_KEY."""

from __future__ import annotations

from typing import Annotated

import typer

from pyxec.cli.job_options import DEFAULT_URL, Json, Url

__all__ = ["dead"]

dead = typer.Typer(help="Dead letters: list, show, replay, drop.", no_args_is_help=True)
DeadLetterId = Annotated[str, typer.Argument(metavar="ID", help="Id of the dead letter.")]
Queue = Annotated[str, typer.Option("--queue", help="Queue of the dead letter.")]


@dead.command("list")
def list_dead_letters(
    queue: Queue = "jobs",
    count: Annotated[int, typer.Option("--limit", min=1, max=100, help="Maximum number.")] = 20,
    before: Annotated[str | None, typer.Option("--before", metavar="ID", help="Only older ones than this ID.")] = None,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """List dead letters of a queue, newest first. For the next page, pass the last id with --before."""
    from app.cli.admin_client import AdminClient
    from pyxec.cli.json_output import print_json

    dead_letters = AdminClient(url).dead_letters(queue, count, before)
    if as_json:
        print_json(dead_letters)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from pyxec.cli.terminal_text import escape_control

    table = Table("id", "dead-lettered at", "actor", "job", "reason")
    for dead_letter in dead_letters:
        texts = (dead_letter.actor, dead_letter.job_id or "", dead_letter.reason)
        table.add_row(dead_letter.id, dead_letter.dead_lettered_at, *(escape(escape_control(text)) for text in texts))
    Console().print(table)


@dead.command()
def show(dead_letter_id: DeadLetterId, queue: Queue = "jobs", url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Show a dead letter with its message and its last traceback."""
    from app.cli.admin_client import AdminClient
    from pyxec.cli.json_output import print_json

    dead_letter = AdminClient(url).dead_letter(queue, dead_letter_id)
    if as_json:
        print_json(dead_letter)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from pyxec.cli.terminal_text import escape_control, format_json

    table = Table("", "dead letter", show_header=False)
    for name in ("id", "queue", "actor", "job_id", "reason", "deliveries", "attempts", "dead_lettered_at"):
        value = getattr(dead_letter, name)
        table.add_row(name.replace("_", " "), "" if value is None else escape(escape_control(str(value))))
    Console().print(table)
    for title, text in (
        ("message", format_json(dead_letter.message)),
        ("traceback", escape_control(dead_letter.traceback)),
    ):
        if text:
            typer.echo(f"\n{title}:\n{text.rstrip()}")


@dead.command()
def replay(dead_letter_id: DeadLetterId, queue: Queue = "jobs", url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Queue a dead letter again. The job starts from the beginning."""
    from app.cli.admin_client import AdminClient
    from pyxec.cli.json_output import print_json

    AdminClient(url).replay(queue, dead_letter_id)
    if as_json:
        print_json({"replayed": dead_letter_id})


@dead.command()
def drop(dead_letter_id: DeadLetterId, queue: Queue = "jobs", url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Delete a dead letter."""
    from app.cli.admin_client import AdminClient
    from pyxec.cli.json_output import print_json

    AdminClient(url).drop(queue, dead_letter_id)
    if as_json:
        print_json({"dropped": dead_letter_id})
