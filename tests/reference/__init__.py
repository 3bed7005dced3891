"""Slow, plain readings of the same streams that the scanners read: what they must agree with.

Written from the protocol facts and the requirements (deferred commit, errors inside a 200, malformed events)
alone: one event at a time, `json.loads`, no template, no type, no look-ahead. Rule: nothing here is shared
with the scanners but the closed words they answer in. A reference made of the scanners' own slow paths was
dropped: it would repeat their mistakes, and the differences that matter were found between the two.
"""
