"""What ``pyxec doctor`` looks at, a file for each part of an installation. A check yields findings and never raises."""
