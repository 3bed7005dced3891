"""Responses: requests, answers, events and the scanner of their streams."""
