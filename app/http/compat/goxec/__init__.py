"""goxec's API: submit a program and watch its output on a WebSocket. docs/compat.md lists the differences."""
