"""What is repaired in a tool's schema: each repair by name, with what it does and who refused the original.

Rules that every repair keeps:
- Somebody refused the original: a repair without a source is an opinion.
- A schema that every known upstream takes is not touched, down to the byte.
- Whatever arguments the original allowed, the repaired one allows, but for `null` in place of all arguments
  and for what an obvious slip left open (a missing type, `required: true` on a property).
- Nobody who took the original may refuse the repaired one or read it more narrowly. That is why an open
  schema is written out as ANY: llama.cpp reads `{}` as "an object", Kimi wants a type everywhere.

Translating schemas into one vendor's subset (no `$ref` for Gemini, no `anyOf` at all) was dropped: which
target will be asked is not known when a body is read, and what helps one vendor takes meaning from others.
"""

from enum import StrEnum
from typing import Any, Final

from msgspec import Struct


class Repair(StrEnum):
    """The name of a repair, as the header of an answer tells it."""

    NO_SCHEMA = "no_schema"
    ROOT_TYPE = "root_type"
    NULLABLE_ROOT = "nullable_root"
    ROOT_REFERENCE = "root_reference"
    ROOT_UNION = "root_union"
    NO_PROPERTIES = "no_properties"
    UNREADABLE = "unreadable_keyword"
    LIST_FOR_OBJECT = "list_for_object"
    REQUIRED_FLAG = "required_flag"
    UNKNOWN_REQUIRED = "unknown_required"
    REPEATED = "repeated_value"
    TYPE_NAME = "type_name"
    MISSING_TYPE = "missing_type"
    NULL_IN_UNION = "null_in_union"
    NULL_IN_ENUM = "null_in_enum"
    EMPTY_ENUM = "empty_enum"
    MISSING_ITEMS = "missing_items"
    TUPLE = "tuple"
    BOOLEAN_SCHEMA = "boolean_schema"
    OLD_LIMIT = "old_limit"
    DANGLING_REFERENCE = "dangling_reference"


class Repairs:
    """What was repaired in a schema, and what is not to be."""

    __slots__ = ("found", "spared")

    def __init__(self, spared: frozenset[Repair] = frozenset()) -> None:
        self.found: set[Repair] = set()
        self.spared = spared

    def add(self, repair: Repair) -> None:
        """It was repaired."""
        self.found.add(repair)


class Rule(Struct, frozen=True):
    """One row of the table: what is found, what becomes of it, and where it was refused (`who: thread`)."""

    found: str
    becomes: str
    sources: tuple[str, ...]


RULES: Final[dict[Repair, Rule]] = {
    Repair.NO_SCHEMA: Rule(
        "`null`, `[]` or `true` where the schema stands",
        "an object without properties",
        (
            "DeepSeek: theopenco/llmgateway#2226",
            "DeepSeek, Kimi: earendil-works/pi#4311",
            "OpenAI: Automattic/agents-api#385",
        ),
    ),
    Repair.ROOT_TYPE: Rule(
        "no `type` at the root, and nothing else that says what it is",
        "`type: object`",
        (
            "Anthropic: Kilo-Org/kilocode#12238",
            "Gemini: BerriAI/litellm#19103",
            "DeepSeek: diegosouzapw/OmniRoute#6375",
            "Kimi, MiniMax: tontinton/maki#988",
        ),
    ),
    Repair.NULLABLE_ROOT: Rule(
        "`type: [object, null]`, or a union of an object and null, at the root",
        "the object alone",
        ("xAI, DeepSeek: duolahypercho/codex-router#222", "Grok Build: chenyme/grok2api#766"),
    ),
    Repair.ROOT_REFERENCE: Rule(
        "`$ref` at the root",
        "a copy of what it refers to; the definition stays",
        ("OpenAI: msgspec/msgspec#640", "MCP clients: modelcontextprotocol/python-sdk#3377"),
    ),
    Repair.ROOT_UNION: Rule(
        "`anyOf`, `oneOf`, `allOf` or `not` at the root that only says which properties go together",
        "nothing; a union of one joins the root",
        (
            "Anthropic: anthropics/claude-code#27337, marianfoo/mcp-sap-docs#51",
            "OpenAI: langchain-ai/langchainjs#9804",
        ),
    ),
    Repair.NO_PROPERTIES: Rule(
        "an object without `properties` at the root",
        "`properties: {}`",
        (
            "OpenAI: langchain-ai/langchain-mcp-adapters#137, spring-projects/spring-ai#4776",
            "LM Studio: agent0ai/agent-zero#1724, sipeed/picoclaw#2128",
        ),
    ),
    Repair.UNREADABLE: Rule(
        "a keyword whose value it cannot have, most often `null`",
        "left out; one alternative, or one example, becomes a list of one",
        (
            "Anthropic: anthropics/claude-code#49637",
            "SGLang: sgl-project/sglang#35631",
            "DeepSeek, vLLM: farion1231/cc-switch#7019",
        ),
    ),
    Repair.LIST_FOR_OBJECT: Rule(
        "`properties: []`, as PHP writes no properties",
        "`properties: {}`",
        ("Bedrock: prism-php/bedrock#24", "OpenAI: Automattic/wp-feature-api#10"),
    ),
    Repair.REQUIRED_FLAG: Rule(
        "`required: true` or `false` on a property (draft 3)",
        "its name in `required` of the object, or nothing",
        ("MCP clients: MarkusPfundstein/mcp-gsuite#50",),
    ),
    Repair.UNKNOWN_REQUIRED: Rule(
        "a name in `required` that `properties` does not have",
        "left out",
        ("Gemini: iBUHub/AIStudioToAPI#154",),
    ),
    Repair.REPEATED: Rule(
        "a name twice in `required`, a type twice in `type`, a text twice in `enum`",
        "once",
        ("Copilot: ProfSynapse/nexus#5",),
    ),
    Repair.TYPE_NAME: Rule(
        "a type by another name: `STRING`, `int`, `list[str]`",
        "its name in JSON Schema; `any` is left out",
        ("Anthropic: sashiko-dev/sashiko#108", "SGLang: sgl-project/sglang#23476"),
    ),
    Repair.MISSING_TYPE: Rule(
        "no `type` beside `properties`, `items`, `enum`, `const` or limits of one type",
        "that type",
        (
            "Gemini: danny-avila/LibreChat#6971",
            "Kimi: MoonshotAI/kimi-cli#1595",
            "vLLM reads it as a string: vllm-project/vllm#47557",
        ),
    ),
    Repair.NULL_IN_UNION: Rule(
        '`null` for "null" in `type`, `anyOf` or `oneOf`, or a bare type name as an alternative',
        'the type "null", or the type of that name',
        ("draft 2020-12, as Anthropic checks it: anthropics/claude-code#7365",),
    ),
    Repair.NULL_IN_ENUM: Rule(
        "`null` among the values of an `enum` whose `type` has no null",
        "null among its types",
        ("OpenAI, strict: eric-tramel/moraine#369, can1357/oh-my-pi#1835",),
    ),
    Repair.EMPTY_ENUM: Rule("`enum: []`", "left out", ("Gemini: elastic/kibana#286302",)),
    Repair.MISSING_ITEMS: Rule(
        "an array without `items`",
        "ANY; behind a closed tuple the types of the tuple",
        (
            "OpenAI: sigoden/aichat#1049, PrefectHQ/fastmcp#2464",
            "Gemini: cline/cline#7339, AnswerDotAI/toolslm#85",
        ),
    ),
    Repair.TUPLE: Rule(
        "`items` as a list (draft 7)",
        "`prefixItems`; `additionalItems` becomes `items`",
        ("Anthropic: kintone/mcp-server#553", "OpenAI: vercel/ai#2271", "Grok: oomkapwn/enquire-mcp#360"),
    ),
    Repair.BOOLEAN_SCHEMA: Rule(
        "`true` in place of the schema of a property or of items",
        "ANY",
        ("llama.cpp: mezmo/aura#358", "Fireworks: androidStern-personal/openclaw-mcp-adapter#9"),
    ),
    Repair.OLD_LIMIT: Rule(
        "`exclusiveMinimum: true` beside `minimum` (draft 4)",
        "the number under the one keyword",
        ("Anthropic: Dokploy/mcp#74, homeassistant-ai/ha-mcp#2361",),
    ),
    Repair.DANGLING_REFERENCE: Rule(
        "a local `$ref` that leads nowhere",
        "the way to the definition of that name beside or above it; without one, ANY",
        (
            "llama.cpp: Epistates/turbovault#51",
            "Gemini: google-gemini/gemini-cli#13326, Rahularya01/pi-antigravity#33",
            "Fireworks: BerriAI/litellm#29207",
        ),
    ),
}


class Spared(Struct, frozen=True):
    """What is not repaired although somebody refuses it, why, and where that can be read."""

    found: str
    why: str
    sources: tuple[str, ...]


LEFT_ALONE: Final = (
    Spared(
        "`type: [string, null]`, or a union with null, below the root",
        "OpenAI documents it for strict tools. Gemini's own API and the chat template of Gemma 4 refuse it; "
        "the forms that they want (`nullable: true`, one type) allow no null elsewhere.",
        ("laravel/ai#386", "ggml-org/llama.cpp#21433"),
    ),
    Spared(
        "`nullable: true`",
        "The helpers of the official Node client write it for strict tools, and it is Gemini's own form.",
        ("openai/openai-node: src/_vendor/zod-to-json-schema/parsers/nullable.ts",),
    ),
    Spared(
        "a schema that names no type and nothing that tells one",
        "Legal, and usually meant: any value.",
        ("1jehuang/jcode#713", "ggml-org/llama.cpp#18711"),
    ),
    Spared(
        "an object without `properties` below the root",
        "`properties: {}` would leave llama.cpp nothing but `{}` to write.",
        ("ggml-org/llama.cpp: common/json-schema-to-grammar.cpp",),
    ),
    Spared(
        "a union at the root whose branches describe properties",
        "OpenAI and Anthropic refuse it, llama.cpp and vLLM do not; one object in its place would no longer "
        "say what goes with what.",
        ("goruck/home-generative-agent#545", "nspady/google-calendar-mcp#39"),
    ),
    Spared(
        "`$ref` to a definition that is there",
        "Legal; Gemini's own API refuses it, and inlining has no end where a type holds itself.",
        ("memodb-io/Acontext#107",),
    ),
    Spared(
        "`items: false` behind a tuple, as Zod 4 writes it",
        "Legal; llama.cpp cannot read it, but nobody was seen to stumble over it.",
        ("ggml-org/llama.cpp: common/json-schema-to-grammar.cpp",),
    ),
    Spared("a function without any schema", "OpenAI documents it: a function without parameters.", ()),
)


SPARED_IN_MESSAGES: Final = frozenset(
    (
        Repair.NO_PROPERTIES,
        Repair.MISSING_ITEMS,
        Repair.UNKNOWN_REQUIRED,
        Repair.NULL_IN_ENUM,
        Repair.EMPTY_ENUM,
    )
)
"""What nobody who speaks the Messages API was seen to refuse. Claude Code itself sends tuples without
`items` (MadAppGang/claudish#234): its requests would be written anew with every turn."""


def any_value() -> dict[str, Any]:
    """ANY: every value, written out type by type."""
    kinds = ("string", "number", "boolean", "null", "object")
    return {"anyOf": [*({"type": kind} for kind in kinds), {"type": "array", "items": {}}]}


def no_arguments() -> dict[str, Any]:
    """The schema of a tool that takes none."""
    return {"type": "object", "properties": {}}
