"""What it takes to run Pyxec for others: images, monitoring, and what it is made of."""
