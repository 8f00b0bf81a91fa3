"""``pyxec batch``: runs many jobs and prints their results in the order in which they finish."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from pyxec.cli.job_options import DEFAULT_URL, Url

__all__ = ["batch"]


def batch(
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(help="A JSON object for each line, as for POST /v1/jobs; - for stdin.")
    ],
    key: Annotated[
        str | None, typer.Option("--key", help="Idempotency key. Run the command again with it to continue a batch.")
    ] = None,
    url: Url = DEFAULT_URL,
) -> None:
    """Run the jobs of FILE and print one line of JSON for each as it finishes.

    A line has the `index` of the job in FILE, from 0, and its `job` or the `problem` for which it was rejected.
    """
    import msgspec

    from pyxec import Client
    from pyxec.cli.notes import note
    from pyxec.connection import new_idempotency_key

    requests: list[dict[str, Any]] = []
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            requests.append(msgspec.json.decode(line, type=dict[str, Any]))
        except msgspec.MsgspecError as e:
            note(f"{file.name}, line {number}: {e}")
            raise typer.Exit(2) from None
    key = key or new_idempotency_key()
    client = Client(url, on_retry=note)
    try:
        for end in client.run_batch(requests, idempotency_key=key):
            kind = b"problem" if end.result is None else b"job"
            sys.stdout.buffer.write(b'{"index":%d,"%b":%b}\n' % (end.index, kind, end.document))
            sys.stdout.buffer.flush()
    except KeyboardInterrupt:
        note(f"the jobs continue; read their results with: pyxec batch --key {key} {file.name}")
        raise
