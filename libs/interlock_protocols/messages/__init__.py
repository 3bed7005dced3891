"""Messages: requests, answers, events, errors and the scanner of their streams."""
