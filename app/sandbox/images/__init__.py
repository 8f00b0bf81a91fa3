"""Language images and the language catalogue."""
