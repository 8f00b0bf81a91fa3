"""goxec's API: send a program, watch its output over a WebSocket. What differs from it is in docs/compat.md."""
