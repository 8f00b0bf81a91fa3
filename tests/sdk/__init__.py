"""The Python SDK, both kinds of it, against real processes."""
