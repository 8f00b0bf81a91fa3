"""The commands of `pyxec`, one module for each command or group of commands."""
