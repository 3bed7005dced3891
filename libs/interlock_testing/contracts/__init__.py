"""Contract suites: what every adapter of a port must do, as classes that an adapter's test file fills in."""
