"""Event streams of any API: events cut from bytes, verdicts, and the scanner that the APIs share."""
