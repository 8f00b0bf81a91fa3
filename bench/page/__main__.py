"""Benchmark of the editor page in Chromium: ``make bench-page``.

    python -m bench.page [output|typing|load]...

The results are medians. The exit code is 0 even if a target is missed. PYXEC_ISOLATION selects containers or cells.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from playwright.sync_api import Browser, sync_playwright
from rich.console import Console
from rich.table import Table

from app.local.engine import engine_host
from app.sandbox.engine.client import connect_docker
from bench.machine import describe_machine
from bench.page import load, output, typing_latency
from bench.target import Target
from tests.e2e.conftest import BROWSER_OPTIONS, find_chromium
from tests.e2e.site import Site, build_page_files, serve_page
from tests.stack import running_stack

__all__ = ["main"]

RESULTS: Final = Path(__file__).resolve().parents[1] / "results"
ROWS: Final[dict[str, Callable[[Browser, Site], list[Target]]]] = {
    "output": output.measure_output,
    "typing": typing_latency.measure_typing,
    "load": load.measure_load,
}


def main() -> None:
    """Measure, print the results and write them to bench/results/page.json."""
    rows = sys.argv[1:] or list(ROWS)
    if unknown := set(rows) - set(ROWS):
        sys.exit(f"bench.page: unknown row {', '.join(sorted(unknown))}: must be one of {', '.join(ROWS)}")
    isolation = os.environ.get("PYXEC_ISOLATION", "container")
    with _browser_and_site(isolation) as (browser, site):
        targets = [target for row in rows for target in ROWS[row](browser, site)]
    report = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(connect_docker(engine_host())),
        "load_average": os.getloadavg()[0],
        "isolation": isolation,
        "targets": [target.to_json() for target in targets],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "page.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    table = Table("", "target", "measured", "", title="editor page", title_justify="left")
    for target in targets:
        table.add_row(*target.row())
    Console().print(table)


@contextmanager
def _browser_and_site(isolation: str) -> Iterator[tuple[Browser, Site]]:
    build_page_files()
    with tempfile.TemporaryDirectory() as name, running_stack(Path(name), PYXEC_ISOLATION=isolation) as stack:
        stack.start_api()
        stack.start_worker()
        site = serve_page(stack, stack.folder / "nginx")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=BROWSER_OPTIONS)
            yield browser, site
            browser.close()


if __name__ == "__main__":
    main()
