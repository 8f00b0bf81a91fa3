# Sorts the numbers as texts.
import sys

numbers = sys.stdin.read().split()[1:]
print(*sorted(numbers), sep="\n")
