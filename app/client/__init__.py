"""A small client of the HTTP API, for the command line and the benchmarks. Knows nothing of the server's parts."""
