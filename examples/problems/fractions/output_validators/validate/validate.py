"""Accepts different denominators whose unit fractions add up to the input."""

import sys
from fractions import Fraction
from pathlib import Path

test_input, answer, feedback, *flags = sys.argv[1:]
max_terms = int(flags[flags.index("max_terms") + 1])


def reject(message):
    Path(feedback, "judgemessage.txt").write_text(message)
    sys.exit(43)


p, q = map(int, Path(test_input).read_text().split())
words = sys.stdin.read().split()
if not all(word.isascii() and word.isdecimal() and len(word) < 1000 and int(word) > 0 for word in words):
    reject("the denominators must be positive integers")
denominators = [int(word) for word in words]
if len(denominators) > max_terms:
    reject(f"there are {len(denominators)} fractions")
if len(set(denominators)) < len(denominators):
    reject("a fraction occurs twice")
if (total := sum(Fraction(1, denominator) for denominator in denominators)) != Fraction(p, q):
    reject(f"the sum is not {p}/{q}")
sys.exit(42)
