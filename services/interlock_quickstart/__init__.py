"""Everything in one process: gateway, control plane and projector over one SQLite file, and the demo.

Read run.py first: it is the whole life from the lock to the last checkpoint.
"""
