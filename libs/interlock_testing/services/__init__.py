"""Real services for tests: Kafka and PostgreSQL, found or started, each with its own faults to inject."""
