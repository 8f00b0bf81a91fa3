"""Jobs with the default limits of their language."""

from __future__ import annotations

from collections.abc import Mapping

from app.core.job.spec import JobSpec, SourceFile
from app.core.limits import LimitOverrides, resolve_limits
from tests.sandbox.sandbox_fixture import LANGUAGES

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
    """Return a job whose source has the default file name of its language. ``files`` are additional files."""
    entrypoint = LANGUAGES[language].file_name
    contents = {entrypoint: source, **(files or {})}
    return JobSpec(
        language=language,
        files=tuple(SourceFile(name, content.encode()) for name, content in contents.items()),
        entrypoint=entrypoint,
        stdin=stdin,
        args=args,
        env={},
        limits=resolve_limits(LimitOverrides(**limits), LANGUAGES[language].limits),  # type: ignore[arg-type]
        interactive=False,
    )
