"""Creation of the processes: the only package that depends on every other package."""
