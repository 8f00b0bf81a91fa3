# title: Game of Life
# about: the whole screen with curses; q ends it
import curses
import random


def step(alive, rows, cols):
    """The next generation, on a torus."""
    counts = {}
    for row, col in alive:
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                if down or right:
                    cell = ((row + down) % rows, (col + right) % cols)
                    counts[cell] = counts.get(cell, 0) + 1
    return {cell for cell, count in counts.items() if count == 3 or (count == 2 and cell in alive)}


def main(screen):
    curses.curs_set(0)
    screen.timeout(80)
    rows, cols = screen.getmaxyx()
    rows, cols = rows - 1, cols // 2
    alive = {(r, c) for r in range(rows) for c in range(cols) if random.random() < 0.25}
    while screen.getch() != ord("q"):
        screen.erase()
        for row, col in alive:
            screen.addstr(row, col * 2, "██")
        screen.refresh()
        alive = step(alive, rows, cols)


curses.wrapper(main)
