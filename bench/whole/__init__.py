"""Benchmarks of the whole service: API, server, worker and engine, measured by a client."""
