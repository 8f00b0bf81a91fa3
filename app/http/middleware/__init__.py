"""Middleware of the gateway."""
