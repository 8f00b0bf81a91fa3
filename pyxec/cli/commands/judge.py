"""``pyxec judge``: judges the submissions of a problem package and compares the verdicts with their folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyxec.cli.job_options import DEFAULT_URL, Json, Url

if TYPE_CHECKING:
    from rich.progress import Progress as ProgressBar

    from pyxec.problems import PackageReport, SubmissionReport

__all__ = ["judge"]


def judge(
    problem: Annotated[Path, typer.Argument(metavar="PROBLEM_DIR", exists=True, file_okay=False, help="The package.")],
    submissions: Annotated[
        list[Path] | None, typer.Argument(metavar="SUBMISSION...", exists=True, help="Default: all of the package.")
    ] = None,
    time_limit: Annotated[
        float | None, typer.Option("--time-limit", min=0.1, max=300, help="Seconds. Default: that of the package.")
    ] = None,
    tests_parallel: Annotated[
        int, typer.Option("--tests-parallel", min=1, max=32, help="Tests of a submission at the same time.")
    ] = 4,
    submissions_parallel: Annotated[
        int, typer.Option("--submissions-parallel", min=1, max=32, help="Submissions at the same time.")
    ] = 2,
    run_all: Annotated[bool, typer.Option("--all-tests", help="Do not stop at the first failed test.")] = False,
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Judge submissions with the tests of an ICPC or Kattis problem package.

    Exits with 0 if each verdict matches the folder of the submission, with 1 if one does not, with 2 if the package is
    malformed.
    """
    from pyxec import Client
    from pyxec.cli.json_output import print_json
    from pyxec.cli.notes import note
    from pyxec.problems import JudgeOptions, PackageError, find_submissions, judge_package, read_package

    options = JudgeOptions(time_limit, tests_parallel, submissions_parallel, False if run_all else None)
    try:
        package = read_package(problem)
        found = find_submissions(package, submissions or ())
        with _progress_bar(len(package.tests) * len(found)) as bar, Client(url, on_retry=note) as client:
            report = judge_package(
                client,
                package,
                found,
                options,
                lambda progress: bar.update(bar.task_ids[0], completed=progress.tests, total=progress.total_tests),
            )
    except PackageError as e:
        note(str(e))
        raise typer.Exit(2) from e
    if as_json:
        print_json(report)
    else:
        _print(report)
    raise typer.Exit(0 if report.is_ok else 1)


def _progress_bar(total: int) -> ProgressBar:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=4)
    bar.add_task("tests", total=total)
    return bar


def _print(report: PackageReport) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    has_score = any(submission.score is not None for submission in report.submissions)
    table = Table("", "submission", "language", "verdict", *(["score"] if has_score else []), "time", "details")
    for submission in report.submissions:
        row = [
            "[green]✓[/]" if submission.is_match else "[red]✗[/]",
            escape(submission.name),
            submission.language,
            _describe_verdict(submission),
            *([_describe_score(submission)] if has_score else []),
            f"{submission.cpu_seconds:.2f} s",
            escape(_describe_details(submission)),
        ]
        table.add_row(*row)
    matching = sum(submission.is_match for submission in report.submissions)
    console = Console()
    console.print(f"[bold]{escape(report.problem)}[/]: {report.tests} tests, {_describe_time_limit(report)}")
    console.print(table)
    console.print(f"{matching} of {len(report.submissions)} verdicts match")


def _describe_time_limit(report: PackageReport) -> str:
    sources = {"accepted_submissions": " (from the accepted submissions)", "default": " (default)"}
    return f"time limit {report.time_limit_seconds:g} s{sources.get(report.time_limit_source, '')}"


def _describe_verdict(submission: SubmissionReport) -> str:
    if submission.is_match or submission.expected is None:
        return submission.verdict
    return f"[red]{submission.verdict}[/], expected {' or '.join(submission.expected)}"


def _describe_score(submission: SubmissionReport) -> str:
    if submission.score is None:
        return ""
    return f"{submission.score:g}" if submission.max_score is None else f"{submission.score:g}/{submission.max_score:g}"


def _describe_details(submission: SubmissionReport) -> str:
    if submission.verdict == "accepted":
        return ""
    lines = submission.message.strip().splitlines()
    text = "".join(character for character in (lines[0] if lines else "") if character.isprintable())[:100]
    return ": ".join(part for part in (submission.failed_test, text) if part)
