"""The page as a person uses it: open, type, run, read."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from playwright.sync_api import Page, expect

__all__ = ["Editor"]

# A picture is drawn, a program compiled and an API restarted in it on two busy cores.
_PATIENCE_MS = 45_000


# Drafts are written a moment after the page shows them.
_IS_KEPT = """([language, program]) => {
  const kept = JSON.parse(localStorage.getItem('pyxec.draft.' + language))
  return kept && Object.entries(program).every(([name, value]) => JSON.stringify(kept[name]) === JSON.stringify(value))
}"""


def fragment(language: str, program: dict[str, Any]) -> str:
    """The end of a link that has this program in it."""
    text = json.dumps({"language": language, "program": program})
    packed = zlib.compress(text.encode(), wbits=-15)
    return "#v1." + base64.urlsafe_b64encode(packed).decode().rstrip("=")


class Editor:
    """One open page."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        page.set_default_timeout(_PATIENCE_MS)
        self.status = page.locator(".status-line .sentence")
        self.terminal = page.locator(".xterm-rows")
        self.run_button = page.get_by_role("button", name="Run", exact=True)
        self.stop_button = page.get_by_role("button", name="Stop", exact=True)

    def open(self) -> Editor:
        """Return once the editor and the terminal are there."""
        self.page.goto(self.url)
        self.wait_until_loaded()
        return self

    def wait_until_loaded(self) -> None:
        self.page.wait_for_selector(".monaco-editor", state="attached")
        self.page.wait_for_selector(".xterm-rows", state="attached")

    def load(self, source: str, language: str = "python", name: str = "main.py", **more: Any) -> Editor:
        """Put this program in place, as a link does. What still runs is stopped, what was shown is gone."""
        self.page.keyboard.press("Control+.")
        expect(self.run_button).to_be_enabled(timeout=_PATIENCE_MS)
        self.page.get_by_role("tab", name="Terminal").click()
        clear = self.page.get_by_role("button", name="Clear")
        if clear.is_enabled():
            clear.click()
        self.says("Ready")
        program = {"files": [{"name": name, "content": source}]} | more
        self.page.evaluate("fragment => { location.hash = fragment }", fragment(language, program))
        self.page.wait_for_function(_IS_KEPT, arg=[language, program])
        return self

    def type_code(self, text: str) -> None:
        """Replace the code by typing."""
        lines = self.page.locator(".monaco-editor .view-lines")
        lines.click()
        # On a busy machine the caret comes after the click, as it does for a person, who waits for it too.
        self.page.wait_for_selector(".monaco-editor.focused")
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)
        expect(lines).to_contain_text(text.splitlines()[0].split()[0], timeout=_PATIENCE_MS)

    def run(self, source: str | None = None, **more: Any) -> None:
        if source is not None:
            self.load(source, **more)
        self.page.keyboard.press("Control+Enter")

    def says(self, text: str) -> None:
        """Wait until the status line says this."""
        expect(self.status).to_contain_text(text, timeout=_PATIENCE_MS)

    def shows(self, text: str) -> None:
        """Wait until the terminal shows this."""
        expect(self.terminal).to_contain_text(text, timeout=_PATIENCE_MS)

    def focus_terminal(self) -> None:
        self.page.locator(".terminal textarea").focus()

    def type_in_terminal(self, text: str) -> None:
        self.focus_terminal()
        self.page.keyboard.type(text)

    def paste_in_terminal(self, text: str) -> None:
        self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page.evaluate("text => navigator.clipboard.writeText(text)", text)
        self.focus_terminal()
        self.page.keyboard.press("Control+V")

    def output(self) -> str:
        """What the terminal shows now; blanks at the ends of lines are not kept."""
        rows = self.page.locator(".xterm-rows > div").all_inner_texts()
        return "\n".join(row.replace("\xa0", " ").rstrip() for row in rows).strip()

    def focused_pane(self) -> str:
        found: str = self.page.evaluate(
            "() => ['editor', 'terminal', 'top-bar'].find("
            "name => document.activeElement?.closest('.' + name)) ?? 'none'"
        )
        return found
