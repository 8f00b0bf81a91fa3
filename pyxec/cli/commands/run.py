"""``pyxec run``: submits a program, shows its output live and sends it the input."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyxec.cli.job_options import DEFAULT_URL, JobOptions, Json, Url, takes_job_options

if TYPE_CHECKING:
    from pyxec import Job
    from pyxec.cli.interrupts import CancelOnInterrupt

__all__ = ["run"]


@takes_job_options
def run(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The program.")],
    options: JobOptions,
    args: Annotated[list[str] | None, typer.Argument(help="Arguments of the program.")] = None,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Run a program and show its output live.

    Options come before FILE. The exit code is the program's; docs/cli.md lists the others. Ctrl-C cancels the job.
    """
    from pyxec import Client, calls
    from pyxec.cli.interrupts import CancelOnInterrupt
    from pyxec.cli.job_request import job_request, unknown_language_explained
    from pyxec.cli.json_output import print_json
    from pyxec.cli.notes import note
    from pyxec.cli.stdin_source import open_stdin, upload_stdin

    client = Client(url, on_retry=note)
    stdin = open_stdin(options.stdin)
    languages = client.languages()
    with CancelOnInterrupt() as interrupts:
        with upload_stdin(client, stdin) as source, unknown_language_explained(file, options, languages):
            job = client.submit(**job_request(file, args or [], options, source, languages))
        interrupts.accepted(job)
        code = _follow(job, stdin.descriptor, interrupts, silent=as_json)
    if as_json:
        print_json(client.send(calls.document(job.id)))
    raise typer.Exit(code)


def _follow(job: Job, descriptor: int | None, interrupts: CancelOnInterrupt, *, silent: bool) -> int:
    """Show the output and send the input until the job finishes. Returns the exit code."""
    from pyxec import PyxecError, ServiceUnreachable
    from pyxec.cli.exit_codes import OUTPUT_CLOSED, exit_code
    from pyxec.cli.notes import note
    from pyxec.cli.stdin_source import pump
    from pyxec.cli.viewer import Viewer
    from pyxec.cli.waiting_note import note_why_job_waits

    stream = job.stream()
    if not silent:
        note_why_job_waits(job)
    if descriptor is not None:
        # A daemon thread: a blocking read from a terminal cannot be interrupted when the job finishes first.
        feeder = (descriptor, stream.send_stdin, stream.send_eof)
        threading.Thread(target=pump, args=feeder, daemon=True).start()
    try:
        return exit_code(Viewer(silent=silent).follow(stream))
    except ServiceUnreachable:
        note(f"the job continues; follow it with: pyxec tail {job.id}")
        raise
    except PyxecError:
        # Without a stream the job gets no input and would run into its time limit.
        interrupts.cancel()
        raise
    except BrokenPipeError:
        interrupts.cancel()
        return OUTPUT_CLOSED
