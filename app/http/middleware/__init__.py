"""Falcon middleware of the gateway."""
