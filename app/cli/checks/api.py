"""Checks that the API is reachable and accepts jobs."""

from __future__ import annotations

from collections.abc import Iterator

from app.cli.checks.finding import Finding, failed, passed, passed_if
from pyxec import Client, PyxecError, ServiceUnreachable

__all__ = ["check_api"]


def check_api(client: Client) -> Iterator[Finding]:
    """Check that the API is reachable, is ready and has at least one language."""
    try:
        client.ready()
    except ServiceUnreachable as e:
        yield failed("API", f"{e}; start it with `make up`, or pass its URL with --url or PYXEC_URL")
        return
    except PyxecError as e:
        yield failed("API", f"reachable, not ready: {e}")
        return
    yield passed("API", f"ready at {client.url}")
    try:
        names = [f"{language.id} {language.version or '?'}" for language in client.languages()]
    except PyxecError as e:
        yield failed("languages", str(e))
    else:
        yield passed_if("languages", bool(names), ", ".join(names) or "none; build some with `pyxec images build`")
