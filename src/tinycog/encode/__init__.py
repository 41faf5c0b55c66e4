"""Samples of one tile to the bytes that are stored: the mirror of `decode`."""
