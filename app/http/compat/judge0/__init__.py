"""Judge0's API, version 1.13.1, below /judge0. docs/compat.md lists the differences."""

from app.http.compat.judge0.errors import format_judge0_error
from app.http.compat.judge0.job_builder import API
from app.http.compat.judge0.routes import judge0_routes
from app.http.compat.judge0.submission_reader import create_callback_body

__all__ = ["API", "create_callback_body", "format_judge0_error", "judge0_routes"]
