"""Cells: containers that run one job after the other, each in a nested container of its own."""
