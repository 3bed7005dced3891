"""Revisions, oldest first: each one plain SQL, forward and back."""
