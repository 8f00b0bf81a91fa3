"""Traces and logs, as they leave real processes."""
