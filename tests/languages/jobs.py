"""Jobs as a client would send them: every limit that it does not name is the language's own."""

from __future__ import annotations

from collections.abc import Mapping

from app.core.limits import LimitOverrides, resolve_limits
from app.core.spec import JobSpec, SourceFile
from tests.sandbox.arena import LANGUAGES

__all__ = ["program"]


def program(
    language: str,
    source: str,
    *,
    stdin: bytes = b"",
    args: tuple[str, ...] = (),
    files: Mapping[str, str] | None = None,
    **limits: float,
) -> JobSpec:
    """The source under the language's own file name, and `files` beside it."""
    entrypoint = LANGUAGES[language].file_name
    named = {entrypoint: source, **(files or {})}
    return JobSpec(
        language=language,
        files=tuple(SourceFile(name, content.encode()) for name, content in named.items()),
        entrypoint=entrypoint,
        stdin=stdin,
        args=args,
        env={},
        limits=resolve_limits(LimitOverrides(**limits), LANGUAGES[language].limits),  # type: ignore[arg-type]
        interactive=False,
    )
