"""Runs the hello program of each installed language."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from app.cli.checks.finding import Finding, failed, passed_if, skipped
from app.cli.checks.sent_job import JobUnfinished, run_job
from app.core.errors import PyxecError as ServiceError
from app.sandbox.images.catalogue import Hello, Language
from pyxec import Client, PyxecError

__all__ = ["check_languages"]


def check_languages(client: Client, load_catalogue: Callable[[], Mapping[str, Language]]) -> Iterator[Finding]:
    """Run the hello program of each language and compare its output with the catalogue.

    Stops after a job that does not finish: the remaining jobs would not finish either.
    """
    try:
        known = load_catalogue()
        installed = client.languages()
    except (ServiceError, PyxecError) as e:
        yield failed("canary", str(e))
        return
    for language in installed:
        check = f"canary {language.id}"
        try:
            if language.id in known:
                yield _run(client, check, language.id, known[language.id].hello)
            else:
                yield skipped(check, "not in this checkout's catalogue")
        except JobUnfinished as e:
            yield failed(check, str(e))
            return
        except PyxecError as e:
            yield failed(check, str(e))


def _run(client: Client, check: str, language_id: str, hello: Hello) -> Finding:
    job = run_job(client, {"language": language_id, "source": hello.source})
    passed = job.outcome == "ok" and job.stdout == hello.output
    return passed_if(check, passed, f"printed {job.stdout.strip()!r}" if passed else f"{job.outcome}: {job.message}")
