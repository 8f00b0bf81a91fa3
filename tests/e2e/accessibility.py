"""Checks of the accessibility of a page."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.stack import ROOT

__all__ = ["find_axe_violations", "find_small_targets"]

_AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
# Monaco and xterm.js create the elements inside.
_AXE_CONTEXT = {"exclude": [[".monaco-editor"], [".xterm"]]}


def find_axe_violations(page: Page, only_colours: bool = False) -> list[str]:
    """Return all violations that axe finds, each with its element.

    Args:
        page: The page.
        only_colours: Check only the contrast, because the page was checked in another theme.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE.read_text())
    # Without this option, axe computes the details of all other results, too.
    options: dict[str, list[str]] = {"resultTypes": ["violations"]}
    if only_colours:
        options["runOnly"] = ["color-contrast"]
    result = page.evaluate("([context, options]) => axe.run(context, options)", [_AXE_CONTEXT, options])
    return [
        f"{violation['impact']} {violation['id']}: {node['html'][:200]}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


def find_small_targets(page: Page) -> list[str]:
    """Return the texts of the visible controls that are smaller than 44 px, see WCAG 2.5.5."""
    found: list[str] = page.evaluate(
        "() => [...document.querySelectorAll('button, select')].filter(element => element.checkVisibility())"
        ".map(element => [element.textContent, element.getBoundingClientRect()])"
        ".filter(([, box]) => box.height < 44 || box.width < 44).map(([text]) => text)"
    )
    return found
