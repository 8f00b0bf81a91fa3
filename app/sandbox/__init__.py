"""Runs one job in one container: engine adapter, pool, runner protocol, language catalogue, images."""
