"""What a failed answer means: status, codes, stated waits; one table, with its sources."""
