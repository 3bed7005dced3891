"""One attempt and the walk along a plan: backoff, budget, outcomes and the request record."""
