"""Benchmarks. Each measures beside a peer in the same run, and says on which machine."""
