"""The command-line client: ``pyxec`` and ``python -m pyxec.cli``."""
