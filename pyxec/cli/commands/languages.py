"""``pyxec languages``: lists the installed languages."""

from __future__ import annotations

from pyxec.cli.job_options import DEFAULT_URL, Json, Url

__all__ = ["languages"]


def languages(url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """List the installed languages with their versions."""
    from pyxec import Client
    from pyxec.cli.json_output import print_json

    installed = Client(url).languages()
    if as_json:
        print_json(installed)
        return
    from rich.table import Table

    from pyxec.cli.tables import print_table

    table = Table("language", "name", "version", "aliases", "file")
    for language in installed:
        aliases = ", ".join(language.aliases)
        table.add_row(language.id, language.name, language.version or "?", aliases, language.file_name)
    print_table(
        table, "No language is installed. `pyxec images build`, on the host of a worker, builds the default ones."
    )
