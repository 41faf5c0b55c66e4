"""Validation, judged: a file for each rule, and verdicts of others over real and spoiled files."""
