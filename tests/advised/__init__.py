"""Advice of the validator, carried out: files that break rules, commands run, files looked at."""
