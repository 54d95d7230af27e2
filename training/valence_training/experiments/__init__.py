"""Experiments as a product: cells that resume, and a results page made from them."""
