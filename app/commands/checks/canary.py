"""One real job for each installed language: its hello program has to print what the catalogue says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from app.client.errors import ClientError
from app.client.service import Service
from app.commands.checks.finding import Finding, failed, found, skipped
from app.sandbox.languages import CatalogueError, Language, load_languages

__all__ = ["check_languages"]

WAIT_SECONDS = 30


def check_languages(service: Service, catalogue: Path) -> Iterator[Finding]:
    """Run the hello program of each."""
    try:
        known = load_languages(catalogue)
        installed = service.languages()
    except (CatalogueError, ClientError) as e:
        yield failed("canary", str(e))
        return
    for language in installed:
        yield _run(service, language.id, known)


def _run(service: Service, language_id: str, known: Mapping[str, Language]) -> Finding:
    check = f"canary {language_id}"
    if language_id not in known:
        return skipped(check, "not in this checkout's catalogue")
    hello = known[language_id].hello
    try:
        job = service.run({"language": language_id, "source": hello.source}, WAIT_SECONDS)
    except ClientError as e:
        return failed(check, str(e))
    if job.status != "finished":
        return failed(check, f"still {job.status} after {WAIT_SECONDS} s: is a worker running?")
    good = job.outcome == "ok" and job.stdout == hello.output
    return found(check, good, f"printed {job.stdout.strip()!r}" if good else f"{job.outcome}: {job.message}")
