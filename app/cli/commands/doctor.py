"""``pyxec doctor``: checks every part of an installation and tries the limits with real jobs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import typer

from pyxec.cli.job_options import DEFAULT_URL, Json, Url

if TYPE_CHECKING:
    from app.cli.checks.finding import Finding
    from pyxec import Client

__all__ = ["doctor"]

_COLOURS: Final = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "dim"}
_DEFAULT_SOCKET: Final = Path("/var/run/docker.sock")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def doctor(url: Url = DEFAULT_URL, as_json: Json = False) -> None:
    """Check the API, Redis, the engine and a sandbox, run a job in each language, and exceed every limit.

    Exits with 1 if a check fails. Redis and the engine are checked if the service runs on this machine, or if REDIS_URL
    is set, as in the containers of Docker Compose.
    """
    from rich.console import Console

    from app.cli.checks.finding import Status
    from pyxec.cli.json_output import print_json

    findings: list[Finding] = []
    console = Console(stderr=True)
    with console.status("checking") as status:
        for finding in _check_all(url):
            findings.append(finding)
            status.update(f"{len(findings)} checked, last: {finding.check}")
    healthy = all(finding.status is not Status.FAILED for finding in findings)
    if as_json:
        print_json({"ok": healthy, "findings": findings})
    else:
        _print_table(findings)
    raise typer.Exit(0 if healthy else 1)


def _check_all(url: str) -> Iterator[Finding]:
    from app.cli.checks.api import check_api
    from app.cli.checks.finding import Status, skipped
    from pyxec import Client

    client = Client(url)
    api = list(check_api(client))
    yield from api
    if urlsplit(url).hostname in _LOOPBACK or os.environ.get("REDIS_URL"):
        yield from _check_local()
    else:
        yield skipped(
            "Redis and engine",
            "the service runs on another machine: run `pyxec doctor` there, or set REDIS_URL; with Docker Compose, run"
            " `docker-compose exec worker pyxec doctor`",
        )
    if any(finding.status is Status.FAILED for finding in api):
        yield skipped("canaries and limits", "the service is not ready")
        return
    yield from _check_jobs(client)


def _check_jobs(client: Client) -> Iterator[Finding]:
    from app.cli.checks.canary import check_languages
    from app.cli.checks.finding import Status, skipped
    from app.cli.checks.limits import LANGUAGE, check_limits
    from app.local.images import load_catalogue

    has_canary = False
    for finding in check_languages(client, load_catalogue):
        has_canary |= finding.check == f"canary {LANGUAGE}" and finding.status is Status.OK
        yield finding
    if has_canary:
        yield from check_limits(client)
    else:
        yield skipped("limits", f"the limits are tried with {LANGUAGE}, which does not work")


def _check_local() -> Iterator[Finding]:
    from app.cli.checks.cell import check_cell
    from app.cli.checks.engine import check_engine
    from app.cli.checks.files import check_file_storage
    from app.cli.checks.finding import Status, failed, skipped
    from app.cli.checks.sandbox import check_sandbox
    from app.cli.checks.store import check_store
    from app.config import ConfigurationError, read_settings
    from app.resources import RESOURCES
    from app.sandbox.images.catalogue import CatalogueError, load_languages
    from app.sandbox.images.digests import ImageDigests

    try:
        settings = read_settings()
        languages = load_languages(*settings.language_folders)
    except (ConfigurationError, CatalogueError) as e:
        yield failed("configuration", str(e))
        return
    yield from check_store(settings.redis_url, settings.redis_timeout_seconds)
    yield from check_file_storage(settings)
    if os.environ.get("REDIS_URL") and not os.environ.get("DOCKER_HOST") and not _DEFAULT_SOCKET.exists():
        yield skipped(
            "Docker Engine", f"{_DEFAULT_SOCKET} is not here: run `pyxec doctor` in the container of a worker"
        )
        return
    host, timeout_seconds, runtime = settings.docker_host, settings.engine_timeout_seconds, settings.container_runtime
    engine = list(check_engine(host, timeout_seconds, runtime))
    yield from engine
    if any(finding.status is Status.FAILED for finding in engine):
        yield from (skipped(check, "the engine does not meet the requirements") for check in ("sandbox", "cell"))
    else:
        digests = ImageDigests.from_repository(RESOURCES, languages)
        yield from check_sandbox(host, timeout_seconds, settings.namespace, runtime, digests)
        is_required = settings.isolation == "cell"
        yield from check_cell(host, timeout_seconds, settings.namespace, runtime, digests, is_required=is_required)


def _print_table(findings: Sequence[Finding]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("check", "", "finding")
    for finding in findings:
        colour = _COLOURS[finding.status]
        table.add_row(escape(finding.check), f"[{colour}]{finding.status}[/]", escape(finding.detail))
    Console().print(table)
