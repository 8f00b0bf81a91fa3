"""Builds, lists and removes language images; reads the language catalogue."""
