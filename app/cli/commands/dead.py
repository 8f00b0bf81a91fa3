"""``pyxec dead``: lists, shows, replays and drops dead letters. Requires an admin key in PYXEC_API_KEY."""

from __future__ import annotations

from typing import Annotated

import typer

from pyxec.cli.job_options import DEFAULT_URL, Json, Url

__all__ = ["dead"]

dead = typer.Typer(help="Dead letters: list, show, replay, drop.", no_args_is_help=True)
DeadLetterId = Annotated[str, typer.Argument(metavar="ID", help="Id of the dead letter.")]
Queue = Annotated[str | None, typer.Option("--queue", help="Only this queue. Default: all queues.")]


@dead.command("list")
def list_dead_letters(
    queue: Queue = None,
    count: Annotated[int, typer.Option("--limit", min=1, max=100, help="Maximum number.")] = 20,
    before: Annotated[str | None, typer.Option("--before", metavar="ID", help="Only older ones than this ID.")] = None,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """List dead letters of all queues, newest first. For the next page, pass the last id with --before."""
    from app.cli.admin_client import AdminClient
    from pyxec.cli.json_output import print_json

    client = AdminClient(url)
    queues = [queue] if queue is not None else [found.name for found in client.queues()]
    # The ids are ids of Redis Streams, <milliseconds>-<number>.
    dead_letters = sorted(
        (dead_letter for name in queues for dead_letter in client.dead_letters(name, count, before)),
        key=lambda dead_letter: [int(part) for part in dead_letter.id.split("-")],
        reverse=True,
    )[:count]
    if as_json:
        print_json(dead_letters)
        return
    from rich.markup import escape
    from rich.table import Table

    from pyxec.cli.tables import print_table
    from pyxec.cli.terminal_text import escape_control

    table = Table("queue", "id", "dead-lettered at", "actor", "job", "reason")
    for dead_letter in dead_letters:
        texts = (dead_letter.actor, dead_letter.job_id or "", dead_letter.reason)
        table.add_row(
            dead_letter.queue,
            dead_letter.id,
            dead_letter.dead_lettered_at,
            *(escape(escape_control(text)) for text in texts),
        )
    print_table(table, "There are no dead letters.")


@dead.command()
def show(dead_letter_id: DeadLetterId, queue: Queue = None, url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Show a dead letter with its message and its last traceback."""
    from app.cli.admin_client import AdminClient
    from pyxec.cli.json_output import print_json

    client = AdminClient(url)
    dead_letter = client.dead_letter(queue or client.find_queue(dead_letter_id), dead_letter_id)
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
def replay(dead_letter_id: DeadLetterId, queue: Queue = None, url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Queue a dead letter again. The job starts from the beginning."""
    from app.cli.admin_client import AdminClient
    from pyxec.cli.json_output import print_json

    client = AdminClient(url)
    client.replay(queue or client.find_queue(dead_letter_id), dead_letter_id)
    if as_json:
        print_json({"replayed": dead_letter_id})


@dead.command()
def drop(dead_letter_id: DeadLetterId, queue: Queue = None, url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Delete a dead letter."""
    from app.cli.admin_client import AdminClient
    from pyxec.cli.json_output import print_json

    client = AdminClient(url)
    client.drop(queue or client.find_queue(dead_letter_id), dead_letter_id)
    if as_json:
        print_json({"dropped": dead_letter_id})
