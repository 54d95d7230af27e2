"""Loaders of the data sets, one small module each, that give typed rows and change nothing."""
