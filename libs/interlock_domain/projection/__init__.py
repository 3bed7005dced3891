"""What the log says is true now: the state, the fold that makes it, and what the fold observed."""
