"""Workspaces, and the jobs that use them."""
