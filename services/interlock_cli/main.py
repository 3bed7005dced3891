"""The entry point: which verb, and nothing of any other verb.

Rule: only the module of the verb that runs is imported, so that `interlock --help` and a typing mistake
answer at once; the table below is what the overview knows. A refusal is a sentence on stderr and an exit
code, never a traceback. Dropped: one typer application with every verb, which imports all of them first.
"""

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version
from typing import Final

from interlock_cli.refusal import Refusal

VERBS: Final = {
    "quickstart": "run gateway, control plane and projector in one process",
    "serve": "run one service of a cluster: gateway, projector, control or reactors",
    "validate": "check an interlock.yaml and name every mistake with its line",
    "plan": "what a configuration would change, before it is applied",
    "apply": "make a file the configuration",
    "migrate": "make the tables and topics of a cluster, or look at them",
    "get": "list targets, pools, providers, gateways or projections",
    "explain": "why a request went where it went",
    "history": "everything that happened to a target or a pool",
    "state": "the routing state at a moment in the past",
    "cool": "rest a target for a while",
    "restore": "end every rest of a target",
    "drain": "no new requests; running ones finish",
    "enable": "undo a drain or a disable",
    "disable": "out of use until enabled again",
    "deadletters": "list, replay or drop records that nobody could read",
    "promote": "put a rebuilt projection in force",
    "rollback": "put the projection back in force that was before",
    "doctor": "check this machine, the data folder and everything reachable from it",
}
USAGE: Final = 2
INTERRUPTED: Final = 130


def run(arguments: Sequence[str] | None = None) -> None:
    """Run one command line and exit with its code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    verb = words[0] if words else "--help"
    if verb in {"--help", "-h", "help"}:
        print(overview())
        sys.exit(0)
    if verb in {"--version", "-V"}:
        print(f"interlock {version('interlock')}")
        sys.exit(0)
    if verb not in VERBS:
        print(unknown(verb), file=sys.stderr)
        sys.exit(USAGE)
    sys.exit(_run_verb(verb, words[1:]))


def overview() -> str:
    """What `interlock --help` says."""
    width = max(map(len, VERBS))
    lines = ["usage: interlock VERB [OPTIONS]", ""]
    lines += [f"  {verb:{width}}  {does}" for verb, does in VERBS.items()]
    lines += ["", "Each verb has --help with an example. Start here: interlock quickstart"]
    return "\n".join(lines)


def unknown(verb: str) -> str:
    """What a mistyped verb is answered."""
    near = get_close_matches(verb, VERBS, 1)
    hint = f"Did you mean `interlock {near[0]}`?" if near else "See: interlock --help"
    return f"interlock: there is no verb `{verb}`. {hint}"


def _run_verb(verb: str, words: list[str]) -> int:
    try:
        import_module("interlock_cli.command_line").call(verb, words)
    except Refusal as refusal:
        print(f"interlock {verb}: {refusal}", file=sys.stderr)
        return refusal.code
    except KeyboardInterrupt:  # while the verb was still being loaded; later its own end is orderly
        return INTERRUPTED
    return 0
