"""Changes to JSON that leave every other byte as it was."""
