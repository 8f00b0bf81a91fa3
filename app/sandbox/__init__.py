"""Runs one job in one isolated container."""
