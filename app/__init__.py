"""Pyxec: run untrusted code in containers."""
