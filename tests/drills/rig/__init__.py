"""What drills share: real processes, loads over HTTP, the file at rest, and reports."""
