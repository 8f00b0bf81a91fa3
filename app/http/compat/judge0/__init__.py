"""Judge0's API, version 1.13.1, under /judge0: its clients work with only their base URL changed (docs/compat.md)."""

from app.http.compat.judge0.errors import judge0_error
from app.http.compat.judge0.job import API
from app.http.compat.judge0.lookup import callback_body
from app.http.compat.judge0.routes import judge0_routes

__all__ = ["API", "callback_body", "judge0_error", "judge0_routes"]
