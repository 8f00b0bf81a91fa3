"""Piston's API (version 2): its addresses, its words, its WebSocket. What differs from it is in docs/compat.md."""
