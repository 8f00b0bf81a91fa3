"""Piston's API, version 2. docs/compat.md lists the differences."""
