"""The Python SDK, both clients, against real processes."""
