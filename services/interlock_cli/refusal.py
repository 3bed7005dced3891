"""How a command ends without success: a sentence for people that says what to do, and an exit code."""


class Refusal(Exception):
    """The command cannot do what was asked; `code` 1, or 2 for a mistake in the command line."""

    def __init__(self, sentence: str, *, code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code
