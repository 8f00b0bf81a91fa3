"""What the command line asks of a service beyond the SDK: administration. Knows nothing of the server's parts."""
