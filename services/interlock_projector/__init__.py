"""The projector: follows the log, folds it, and makes what it learnt durable and public, in this order.

Read run.py first: `start` proves the view rows against the log, `run` is the loop, `stop` ends it at the
head.
"""
