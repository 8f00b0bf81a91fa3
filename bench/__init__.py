"""Benchmarks. Each compares with a peer in the same run and describes the machine."""
