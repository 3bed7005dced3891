"""What every service needs around its work: storage threads, settings, logging, metrics, shutdown."""
