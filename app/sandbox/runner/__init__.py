"""Host side of the runner protocol (runner/PROTOCOL.md)."""
