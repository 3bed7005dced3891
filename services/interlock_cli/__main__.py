"""`python -m interlock_cli`: the same as the `interlock` command."""

from interlock_cli.main import run

if __name__ == "__main__":
    run()
