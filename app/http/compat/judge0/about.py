"""What a service tells of itself: /about, /version, /isolate, /license, /config_info, /system_info; and /authenticate
and /authorize, which tell whether a token is one."""

from __future__ import annotations

import os
import platform
from typing import Any, Final

from falcon.asgi import Response

from app.core.callers import Caller
from app.core.constraints import MAX_FILES_BYTES
from app.http.compat.judge0.authentication import Judge0Resource
from app.http.compat.judge0.batch import MOST_SUBMISSIONS
from app.http.compat.judge0.limits import KIB, config_info
from app.http.request import Request
from app.http.responses import send_json

__all__ = ["TEXTS", "AboutResource", "ConfigResource", "SystemResource", "TextResource", "TokenResource"]

# The version whose API this is; clients choose their language ids by it.
VERSION: Final = "1.13.1"
TEXTS: Final = {
    "version": VERSION,
    "isolate": "Pyxec: a container of its own for each submission, without a network\n",
    "license": "Pyxec is open source under the MIT License\n",
}
_GIB: Final = 1024**3


class AboutResource(Judge0Resource):
    """Who this is."""

    async def on_get(self, request: Request, response: Response) -> None:
        """The version is that of the API, not ours."""
        about = {"version": VERSION, "homepage": "", "source_code": "", "maintainer": "Pyxec"}
        send_json(response, 200, about)

    on_head = on_get


class TextResource(Judge0Resource):
    """Something that is plain text."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def on_get(self, request: Request, response: Response) -> None:
        """The text."""
        response.content_type = "text/plain; charset=utf-8"
        response.text = self._text

    on_head = on_get


class TokenResource(Judge0Resource):
    """Whoever comes as far as this has a token that is one, or needs none."""

    async def on_post(self, request: Request, response: Response) -> None:
        """200."""
        response.status = 200


class ConfigResource(Judge0Resource):
    """What may be asked for."""

    async def on_get(self, request: Request, response: Response) -> None:
        """As far as this caller is concerned."""
        send_json(response, 200, _config(request.caller))

    on_head = on_get


class SystemResource(Judge0Resource):
    """The machine of the gateway, which need not be the one that runs submissions."""

    async def on_get(self, request: Request, response: Response) -> None:
        """In the words of lscpu and free, as far as they concern anybody."""
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
        system = {
            "Architecture": platform.machine(),
            "CPU(s)": str(os.cpu_count()),
            "Mem": f"{memory:.1f}Gi",
        }
        send_json(response, 200, system)

    on_head = on_get


def _config(caller: Caller) -> dict[str, Any]:
    return {
        "maintenance_mode": False,
        "enable_wait_result": True,
        "enable_compiler_options": True,
        "allowed_languages_for_compile_options": [],
        "enable_command_line_arguments": True,
        "enable_submission_delete": True,
        "enable_callbacks": not caller.is_anonymous,
        "callbacks_max_tries": 11,
        "callbacks_timeout": 10.0,
        "enable_additional_files": True,
        # So many of this caller's may wait and run.
        "max_queue_size": caller.tier.unfinished_jobs,
        **config_info(caller.tier.ceiling),
        "enable_per_process_and_thread_time_limit": False,
        "allow_enable_per_process_and_thread_time_limit": False,
        "enable_per_process_and_thread_memory_limit": False,
        "allow_enable_per_process_and_thread_memory_limit": False,
        "redirect_stderr_to_stdout": False,
        "max_extract_size": MAX_FILES_BYTES // KIB,
        "enable_batched_submissions": True,
        "max_submission_batch_size": MOST_SUBMISSIONS,
        "submission_cache_duration": 0.0,
        "use_docs_as_homepage": False,
        "allow_enable_network": False,
        "enable_network": False,
        "disable_implicit_base64_encoding": True,
    }
