"""The rules of Interlock: pure functions and values, without I/O, clock, randomness or environment.

Read in this order: words, events, recorded, catalog, health, projection, snapshot, routing,
attempt, replay. `now` and `seed` are always arguments; see docs/glossary.md for the words.
"""
