"""Judging: tests of a program, their comparison with the expected output, and verdicts."""
