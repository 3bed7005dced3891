"""The table of repairs as people read it: docs/tool-schemas.md.

python -m tests.libs.interlock_protocols.tools.test_rules    writes the page
"""

from pathlib import Path

from interlock_protocols.tools.repair import MAX_DEPTH, MAX_SCHEMAS
from interlock_protocols.tools.rules import LEFT_ALONE, RULES, SPARED_IN_MESSAGES
from interlock_protocols.tools.tool_schemas import MAX_BYTES, MAX_COMMAS

PAGE = Path(__file__).parents[4] / "docs" / "tool-schemas.md"

INTRODUCTION = f"""# Schemas of tools

One tool whose schema an upstream refuses fails the whole request, and the author of an MCP server has seldom
tried it with every vendor. So a gateway repairs, on the way in, what upstreams are known to refuse: in
`tools[].function.parameters` and `functions[].parameters` of chat completions, `tools[].parameters` of
Responses, and `tools[].input_schema` of Messages.

- **A body in which nothing needs repair goes on as the very bytes that came in.** Else only the schemas that
  change are written anew; their numbers stay as they were written, unknown fields and order are kept, and the
  rest of the body stays byte by byte.
- **Nothing that was allowed is forbidden**, but for `null` in place of all arguments, and for what an obvious
  slip left open (a missing type, `required: true` on a property).
- **Every repair has a source**: somebody refused the original. What one vendor refuses and others need is
  left alone, since the target is chosen after the body is read.
- Above {MAX_BYTES // 1024 // 1024} MiB, {MAX_SCHEMAS:,} schemas or {MAX_COMMAS:,} commas of tools, and where
  more than {MAX_DEPTH} schemas stand inside one another, schemas pass as they are: an upstream may take what
  is too much to look at.
- The answer tells: `x-interlock-repaired: root_type, missing_items`.

ANY stands for `anyOf` of the six types: llama.cpp reads `{{}}` as "an object", and Kimi wants a type
everywhere.
"""


def page() -> str:
    """The page, as the code has it."""
    lines = [
        INTRODUCTION,
        "## What is repaired",
        "",
        "| name | found | becomes | refused by |",
        "|---|---|---|---|",
    ]
    for repair, rule in sorted(RULES.items()):
        mark = " (not in Messages)" if repair in SPARED_IN_MESSAGES else ""
        lines.append(f"| `{repair}`{mark} | {rule.found} | {rule.becomes} | {'; '.join(rule.sources)} |")
    lines += [
        "",
        "## What is left alone, though somebody refuses it",
        "",
        "| found | why | seen in |",
        "|---|---|---|",
    ]
    lines += [f"| {one.found} | {one.why} | {'; '.join(one.sources)} |" for one in LEFT_ALONE]
    return "\n".join(lines) + "\n"


def test_the_page_says_what_the_code_does() -> None:
    found = PAGE.read_text(encoding="utf-8")
    assert found == page(), "run python -m tests.libs.interlock_protocols.tools.test_rules"


def test_every_source_can_be_looked_up() -> None:
    sources = [source for rule in RULES.values() for source in rule.sources]
    sources += [source for one in LEFT_ALONE for source in one.sources]
    assert all("#" in source or ": " in source for source in sources)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
