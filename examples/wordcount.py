"""Counts the words that arrive on stdin: the totals, then the most frequent ones with a bar each."""
# ruff: noqa: T201 - the program prints its result

import re
import sys
from collections import Counter

MOST = 8
WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


def main() -> None:
    lines = characters = 0
    words = Counter()
    for line in sys.stdin:
        lines += 1
        characters += len(line)
        words.update(word.lower() for word in WORD.findall(line))
    print(f"{lines} lines, {words.total()} words ({len(words)} different), {characters} characters")
    ranked = sorted(words.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST]
    width = max((len(word) for word, _ in ranked), default=0)
    for word, count in ranked:
        print(f"{word:>{width}} {count:3} {'#' * count}")


main()
