"""The long proofs: programs that break a running system and count what was kept.

Each module but tables.py is one line of docs/proofs.md: `python -m tests.drills.<name>` runs it at full size
and writes reports/<name>.json; the same code at a small scale runs in tests/system.
"""
