"""Takes the screenshots in docs/images: `make screenshots`."""

from __future__ import annotations

import argparse
import itertools
import shutil
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.e2e.admin_page import AdminPage, admin_key_setting
from tests.e2e.conftest import BROWSER_OPTIONS
from tests.e2e.editor_page import EditorPage, Layout
from tests.e2e.site import build_page_files, serve_page
from tests.stack import ROOT, running_stack

SIZES = ((1440, 900), (820, 1180), (390, 844))
SCHEMES = ("light", "dark")

PLOT = """\
import math
import matplotlib.pyplot as plt

name = "waves"
print(f"drawing {name} ...")
x = [n / 20 for n in range(200)]
for k in (1, 2, 3):
    plt.plot(x, [math.sin(k * value) / k for value in x], label=f"sin {k}x")
plt.legend()
plt.savefig("waves.png", dpi=80)
print("\\x1b[32mdone\\x1b[0m")
"""
DOUBLE = "import sys\nfor line in sys.stdin: print(int(line) * 2)\n"
TESTS = [
    {"name": "small", "stdin": "1\n2", "args": "", "expected": "2\n4", "wallSeconds": None},
    {"name": "wrong", "stdin": "1\n2\n3", "args": "", "expected": "2\n5\n6", "wallSeconds": None},
]
# Extremes, to be inspected: they are not part of the documentation.
EXTREMES: dict[str, Any] = {
    "files": [{"name": "main.py", "content": "print('x' * 10_000)\n# " + "long " * 2000}]
    + [{"name": f"a_folder/with_a_long_name/module_number_{n}.py", "content": ""} for n in range(29)],
    "tests": [TESTS[n % 2] | {"name": f"test number {n}"} for n in range(50)],
}


def main() -> None:
    """Take all screenshots, or with ``--extremes FOLDER`` those of extreme programs."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--extremes", type=Path, help="take screenshots of extreme programs, in this folder")
    extremes = parser.parse_args().extremes
    build_page_files()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        with running_stack(folder, **admin_key_setting(folder)) as stack:
            stack.start_api()
            stack.start_worker()
            stack.start_maintenance()
            site = serve_page(stack, folder / "nginx")
            executable = shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=executable, args=BROWSER_OPTIONS)
            page = browser.new_page()
            editor = EditorPage(page, site.url).open()
            layouts = [Layout(*size, scheme) for size, scheme in itertools.product(SIZES, SCHEMES)]
            if extremes:
                _take_extremes(editor, layouts, extremes)
            else:
                _take_editor(editor, layouts, ROOT / "docs/images")
                AdminPage(page, site.url).open()
                page.wait_for_timeout(5000)  # the charts need two samples
                for layout in layouts:
                    editor.set_layout(layout)
                    page.screenshot(path=ROOT / "docs/images" / _file_name("admin", layout))
            browser.close()


def _take_editor(editor: EditorPage, layouts: list[Layout], folder: Path) -> None:
    editor.run(PLOT)
    editor.expect_status("Finished normally")
    editor.page.wait_for_function("() => document.querySelector('.artifacts img')?.complete")
    _take(editor, layouts, folder, "editor")
    editor.open_program(DOUBLE, tests=TESTS)
    editor.page.keyboard.press("Control+Shift+Enter")
    editor.expect_status("1 of 2 tests failed")
    _take(editor, layouts, folder, "tests")


def _take_extremes(editor: EditorPage, layouts: list[Layout], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    editor.open_program("", **EXTREMES)
    _take(editor, layouts, folder, "empty")
    editor.run()
    editor.expect_status("Finished normally")
    _take(editor, layouts, folder, "output")
    editor.page.keyboard.press("Control+Shift+Enter")
    editor.expect_status("tests failed")
    _take(editor, layouts, folder, "tests")
    # A zoom of 200 % halves the size of the window in CSS pixels.
    zoomed = Layout(720, 450, "light")
    _take(editor, [zoomed], folder, "zoom-200-percent")


def _take(editor: EditorPage, layouts: list[Layout], folder: Path, name: str) -> None:
    editor.dismiss_notices()
    for layout in layouts:
        editor.set_layout(layout)
        editor.show_pane("Output")
        editor.page.wait_for_timeout(400)  # Monaco and xterm.js follow the size
        editor.page.screenshot(path=folder / _file_name(name, layout))


def _file_name(name: str, layout: Layout) -> str:
    return f"{name}-{layout.scheme}-{layout.width}.png"


if __name__ == "__main__":
    main()
