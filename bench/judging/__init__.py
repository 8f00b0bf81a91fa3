"""Benchmark of judging: checkers, interactors and tests with many bytes."""
