"""Runs one job in one container: the engine adapter, the pool, the runner's protocol, the language catalogue, the images."""
