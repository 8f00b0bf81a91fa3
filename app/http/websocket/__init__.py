"""WebSocket connections: accepting, authenticating, sending the events of a job, closing."""
