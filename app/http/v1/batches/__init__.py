"""Batches: several jobs in one request, each accepted or rejected on its own."""
