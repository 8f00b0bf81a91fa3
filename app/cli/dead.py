"""``pyxec dead``: the messages that were given up. Every command needs an admin key in PYXEC_API_KEY."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.job_options import DEFAULT_URL, Json, Url

__all__ = ["dead"]

dead = typer.Typer(help="Dead letters: list, show, replay, drop.", no_args_is_help=True)
Letter = Annotated[str, typer.Argument(metavar="ID", help="The dead letter.")]
Queue = Annotated[str, typer.Option("--queue", help="Whose dead letter it is.")]


@dead.command("list")
def list_letters(
    queue: Queue = "jobs",
    count: Annotated[int, typer.Option("--limit", min=1, max=100, help="How many, newest first.")] = 20,
    before: Annotated[str | None, typer.Option("--before", metavar="ID", help="Only older ones than this.")] = None,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """List dead letters of a queue, newest first; the next page is --before the last id of this one."""
    from app.cli.admin_client import Admin
    from app.cli.json_output import print_json

    found = Admin(url).dead_letters(queue, count, before)
    if as_json:
        print_json(found)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from app.cli.plain_text import plain

    table = Table("id", "died", "actor", "job", "reason")
    for letter in found:
        texts = (letter.actor, letter.job_id or "", letter.reason)
        table.add_row(letter.id, letter.dead_lettered_at, *(escape(plain(text)) for text in texts))
    Console().print(table)


@dead.command()
def show(letter_id: Letter, queue: Queue = "jobs", url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Show one, with its message and its last traceback."""
    from app.cli.admin_client import Admin
    from app.cli.json_output import print_json

    letter = Admin(url).dead_letter(queue, letter_id)
    if as_json:
        print_json(letter)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from app.cli.plain_text import plain, readable

    table = Table("", "dead letter", show_header=False)
    for name in ("id", "queue", "actor", "job_id", "reason", "deliveries", "attempts", "dead_lettered_at"):
        value = getattr(letter, name)
        table.add_row(name.replace("_", " "), "" if value is None else escape(plain(str(value))))
    Console().print(table)
    for title, text in (("message", readable(letter.message)), ("traceback", plain(letter.traceback))):
        if text:
            typer.echo(f"\n{title}:\n{text.rstrip()}")


@dead.command()
def replay(letter_id: Letter, queue: Queue = "jobs", url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Queue it again, once. A job runs as if it had never been begun."""
    from app.cli.admin_client import Admin
    from app.cli.json_output import print_json

    Admin(url).replay(queue, letter_id)
    if as_json:
        print_json({"replayed": letter_id})


@dead.command()
def drop(letter_id: Letter, queue: Queue = "jobs", url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Forget it."""
    from app.cli.admin_client import Admin
    from app.cli.json_output import print_json

    Admin(url).drop(queue, letter_id)
    if as_json:
        print_json({"dropped": letter_id})
