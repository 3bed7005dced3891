"""One attempt and the walk along a plan: deadlines, backoff, outcomes and the request record."""
