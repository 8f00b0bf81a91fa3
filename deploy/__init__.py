"""Deployment: images, monitoring and the supply chain."""
