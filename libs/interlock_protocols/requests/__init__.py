"""What is read of any request body, and how it is refused."""
