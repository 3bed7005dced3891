"""One verb's command line: its options parsed, its help laid out, its function called.

Rule: apart from main.py so that the overview and a typing mistake need no parser at all.
"""

from importlib import import_module
from inspect import cleandoc

import typer


def call(verb: str, words: list[str]) -> None:
    """Parse the words and run the verb; ends by SystemExit with the exit code, or by a Refusal."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    command = import_module(f"interlock_cli.verbs.{verb}").command
    settings = {"help_option_names": ["-h", "--help"]}
    app.command(name=verb, help=help_text(command.__doc__ or ""), context_settings=settings)(command)
    app(words, prog_name=f"interlock {verb}")


def help_text(docstring: str) -> str:
    """A verb's help: its docstring, in which the examples keep their lines."""
    return "\n\n".join(
        f"\b\n{part}" if part.startswith("Example") else part for part in cleandoc(docstring).split("\n\n")
    )
