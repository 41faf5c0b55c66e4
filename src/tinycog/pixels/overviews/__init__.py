"""Pixels of a level to those of the next one, half its size."""
