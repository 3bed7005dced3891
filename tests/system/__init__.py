"""The drills at a small scale: the same code as tests/drills, short enough for every run of the suite."""
