"""Webhooks that are due, and the slots in which they are sent."""
