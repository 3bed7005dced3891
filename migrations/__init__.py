"""The schema of a cluster's database, one revision a file."""
