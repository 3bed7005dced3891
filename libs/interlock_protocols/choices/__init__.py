"""What chat completions and completions share: streams of choices, and how one goes on after a break."""
