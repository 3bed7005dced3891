"""Chat completions: requests, chunks and the scanner of their streams."""
