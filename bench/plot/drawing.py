"""An SVG document in pieces: text, lines, boxes. Its colours are classes, which the reader's light or dark chooses."""

from __future__ import annotations

from html import escape
from typing import Final

__all__ = ["COLOURS", "Drawing"]

# Told apart by lightness, too, for those who see fewer colours; each pair is for a light and for a dark page.
COLOURS: Final = (
    ("#1f5fa8", "#6aa9f0"),
    ("#c2571a", "#f2935c"),
    ("#3b7d3a", "#7cc47a"),
    ("#7b4ba3", "#bd93e3"),
    ("#8a6d1b", "#d8b84f"),
    ("#177f85", "#55c0c6"),
    ("#ad2e52", "#ee7c9b"),
    ("#6b7280", "#a3abb8"),
)
_PIXELS_A_LETTER: Final = 7.2
_FONT: Final = "-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif"


class Drawing:
    """Grows by calls; ``str`` is the document. Places are in pixels from the upper left corner."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self._width, self._height, self._title = width, height, title
        self._pieces: list[str] = []
        self.text(16, 28, title, "title")

    def text(self, x: float, y: float, text: str, kind: str = "label", anchor: str = "start") -> None:
        """``kind`` is title, label or value; ``anchor`` start, middle or end."""
        self._pieces.append(
            f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
        )

    def rule(self, x1: float, y1: float, x2: float, y2: float, kind: str = "grid") -> None:
        """A thin line: grid or axis."""
        self._pieces.append(f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')

    def box(self, x: float, y: float, width: float, height: float, colour: int, says: str = "") -> None:
        """Filled; ``says`` shows where somebody points at it."""
        title = f"<title>{escape(says)}</title>" if says else ""
        shape = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}"'
        self._pieces.append(f'<rect class="fill{colour % len(COLOURS)}" {shape}>{title}</rect>')

    def path(self, points: list[tuple[float, float]], colour: int, *, dots: bool) -> None:
        """A line through all of them, and a dot on each if wanted."""
        number = colour % len(COLOURS)
        through = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._pieces.append(f'<polyline class="stroke{number}" points="{through}"/>')
        if dots:
            self._pieces += [f'<circle class="fill{number}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in points]

    def legend(self, names: list[str], x: float, y: float, first: int = 0) -> None:
        """One line of names, each with its colour, from the colour ``first`` on."""
        for index, name in enumerate(names, first):
            self.box(x, y - 9, 10, 10, index)
            self.text(x + 15, y, name)
            x += 34 + _PIXELS_A_LETTER * len(name)

    def __str__(self) -> str:
        size = f'viewBox="0 0 {self._width:g} {self._height:g}" width="{self._width:g}" height="{self._height:g}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(self._title)}">'
        page = f'<rect class="page" width="{self._width:g}" height="{self._height:g}" rx="6"/>'
        return "\n".join([head, f"<style>{_style()}</style>", page, *self._pieces, "</svg>\n"])


def _style() -> str:
    light = _scheme("#ffffff", "#1f2328", "#57606a", "#d8dee4", 0)
    dark = _scheme("#0d1117", "#e6edf3", "#a3abb8", "#30363d", 1)
    text = f"text{{font-family:{_FONT};font-size:13px}}.title{{font-size:15px;font-weight:600}}"
    fixed = f"{text}polyline{{fill:none;stroke-width:2}}"
    return f"{fixed}{light}@media (prefers-color-scheme: dark){{{dark}}}"


def _scheme(page: str, ink: str, pale: str, grid: str, side: int) -> str:
    rules = [
        f".page{{fill:{page}}}.title,.value{{fill:{ink}}}.label{{fill:{pale}}}.grid{{stroke:{grid}}}.axis{{stroke:{pale}}}"
    ]
    for index, pair in enumerate(COLOURS):
        rules.append(f".fill{index}{{fill:{pair[side]}}}.stroke{index}{{stroke:{pair[side]}}}")
    return "".join(rules)
