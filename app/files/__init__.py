"""The file storage: its port, its implementations, and the cache of a worker."""
