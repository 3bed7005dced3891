"""What the benchmarks count and show; they themselves are run by hand, on a machine that is at rest."""
