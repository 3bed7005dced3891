"""Request records: the terminal account of each request, outside the log."""
