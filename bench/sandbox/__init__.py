"""Benchmark of the sandbox."""
