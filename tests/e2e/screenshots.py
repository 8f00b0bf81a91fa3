"""Takes the screenshots in docs/images: `make screenshots`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import sync_playwright

from tests.e2e.admin_page import AdminPage, admin_key_setting
from tests.e2e.conftest import BROWSER_OPTIONS, find_chromium
from tests.e2e.editor_page import EditorPage, Layout
from tests.e2e.site import build_page_files, serve_page
from tests.stack import ROOT, Stack, running_stack

DESKTOP_SIZES = [(1440, 900), (820, 1180)]
PHONE_SIZES = [(390, 844)]
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
DESKTOP: Any = {}
PHONE: Any = {"has_touch": True, "is_mobile": True}
# Below this width, the page shows one pane.
NARROW_WIDTH = 760
CHARTED_SECONDS = 25
WHOLE_ADMIN_PAGE = Layout(1440, 900, "dark")
IMAGES = ROOT / "docs/images"
# Monaco and xterm.js follow the size of the window with a delay.
SETTLE_MS = 400

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
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=BROWSER_OPTIONS)
            for sizes, options in ((DESKTOP_SIZES, DESKTOP), (PHONE_SIZES, PHONE)):
                with browser.new_context(**options) as context:
                    editor = EditorPage(context.new_page(), site.url).open()
                    layouts = [Layout(*size, scheme) for size in sizes for scheme in SCHEMES]
                    if extremes:
                        _take_extremes(editor, layouts, extremes)
                    else:
                        _take_editor(editor, layouts, IMAGES)
                        _take_admin(AdminPage(context.new_page(), site.url), stack, layouts, IMAGES)
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


def _take_admin(admin: AdminPage, stack: Stack, layouts: list[Layout], folder: Path) -> None:
    admin.open()
    # The charts show the jobs that finish between two samples.
    for number in range(CHARTED_SECONDS):
        for _ in range(1 + number % 4):
            stack.submit("print(6 * 7)")
        admin.page.wait_for_timeout(1000)
    for layout in layouts:
        admin.page.set_viewport_size({"width": layout.width, "height": layout.height})
        admin.page.emulate_media(color_scheme=layout.scheme)
        admin.page.screenshot(path=folder / _file_name("admin", layout))
        if layout == WHOLE_ADMIN_PAGE:
            admin.page.screenshot(path=folder / _file_name("admin-page", layout), full_page=True)


def _take_extremes(editor: EditorPage, layouts: list[Layout], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _take(editor, layouts, folder, "first-visit")
    editor.open_program("", **EXTREMES)
    _take(editor, layouts, folder, "empty")
    editor.run()
    editor.expect_status("Finished normally")
    _take(editor, layouts, folder, "output")
    editor.page.keyboard.press("Control+Shift+Enter")
    editor.expect_status("tests failed")
    _take(editor, layouts, folder, "tests")
    for name in ("Templates", "Programs", "Files", "Share", "History", "Settings", "Shortcuts"):
        _open_dialog(editor, name)
        _take(editor, layouts, folder, f"dialog-{name.lower()}")
        editor.page.keyboard.press("Escape")
    # A zoom of 200 % halves the size of the window in CSS pixels.
    _take(editor, [Layout(720, 450, "light")], folder, "zoom-200-percent")


def _open_dialog(editor: EditorPage, name: str) -> None:
    button = editor.page.get_by_role("button", name=name, exact=True)
    if not button.is_visible():
        editor.page.get_by_role("button", name="More").click()
    button.click()
    editor.page.locator("dialog[open]").wait_for()


def _take(editor: EditorPage, layouts: list[Layout], folder: Path, name: str) -> None:
    for layout in layouts:
        editor.set_layout(layout)
        if editor.page.locator("dialog[open]").count() == 0:
            if layout.width < NARROW_WIDTH:
                editor.show_pane("Code")
                _take_settled(editor, folder / _file_name(f"{name}-code", layout))
            editor.show_pane("Output")
        _take_settled(editor, folder / _file_name(name, layout))


def _take_settled(editor: EditorPage, path: Path) -> None:
    editor.page.wait_for_timeout(SETTLE_MS)
    editor.dismiss_notices()
    editor.page.screenshot(path=path)


def _file_name(name: str, layout: Layout) -> str:
    return f"{name}-{layout.scheme}-{layout.width}.png"


if __name__ == "__main__":
    main()
