"""The checks of ``pyxec doctor``, a module for each part of an installation. A check yields findings, never raises."""
