"""The reactors: what happens outside because of what happened inside. Webhooks, record sink, dead letters.

Read bootstrap.py for what runs beside what; subscription.py for how a topic is read so that nothing is lost.
"""
