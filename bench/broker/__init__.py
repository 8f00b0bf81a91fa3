"""Benchmark of the broker."""
