"""Pyxec on one machine: what `make up` installs, starts, watches and stops again. The service imports none of it."""
