"""Commands of the client. Each command is a module."""
