"""What is done to a Pyxec. Each returns, in a few words, what it has done."""
