"""Installs, starts, supervises and stops Pyxec on one machine (`make up`). The service imports nothing from here."""
