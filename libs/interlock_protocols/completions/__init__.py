"""Completions: requests, answers and the scanner of their streams."""
