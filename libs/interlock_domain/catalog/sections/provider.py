"""Section `providers`: upstream accounts, and what is known of the well-known ones by their name.

Rule: a built-in fact is a default like any other; a key in the file replaces it. Only addresses and
interfaces that the vendors document are listed: a wrong guess would send prompts to the wrong host. Whoever
speaks Messages alone takes its credential as Anthropic does, until the file says otherwise.
"""

from typing import Any, Final

from msgspec import Struct

from interlock_domain.catalog.issue import IssueCode
from interlock_domain.catalog.kinds.blocks import Block, Key, ListOf, MapOf, optional
from interlock_domain.catalog.kinds.place import REFUSED, JsonSchema, Place
from interlock_domain.catalog.kinds.references import Headers, Query, Reference, Url
from interlock_domain.catalog.kinds.scalars import Choice, Name, Text, Whole
from interlock_domain.catalog.provider import OPENAI_APIS, AuthScheme, Provider
from interlock_domain.words import Api

_CHAT, _COMPLETIONS, _RESPONSES, _EMBEDDINGS = OPENAI_APIS


class WellKnown(Struct, frozen=True):
    """What is known of a provider by its name alone."""

    base_url: str
    apis: tuple[Api, ...]
    auth: AuthScheme = AuthScheme()


_ANTHROPIC_AUTH: Final = AuthScheme(header="x-api-key", prefix="")

WELL_KNOWN: Final = {
    "anthropic": WellKnown("https://api.anthropic.com", (Api.MESSAGES,), _ANTHROPIC_AUTH),
    "cerebras": WellKnown("https://api.cerebras.ai/v1", (_CHAT, _COMPLETIONS)),
    "deepseek": WellKnown("https://api.deepseek.com/v1", (_CHAT,)),
    "fireworks": WellKnown(
        "https://api.fireworks.ai/inference/v1", (_CHAT, _COMPLETIONS, _RESPONSES, _EMBEDDINGS)
    ),
    "gemini": WellKnown("https://generativelanguage.googleapis.com/v1beta/openai", (_CHAT, _EMBEDDINGS)),
    "groq": WellKnown("https://api.groq.com/openai/v1", (_CHAT, _RESPONSES)),
    "mistral": WellKnown("https://api.mistral.ai/v1", (_CHAT, _EMBEDDINGS)),
    "openai": WellKnown("https://api.openai.com/v1", OPENAI_APIS),
    "openrouter": WellKnown("https://openrouter.ai/api/v1", (_CHAT, _COMPLETIONS, _RESPONSES)),
    "together": WellKnown("https://api.together.xyz/v1", (_CHAT, _COMPLETIONS, _EMBEDDINGS)),
    "xai": WellKnown("https://api.x.ai/v1", (_CHAT, _RESPONSES)),
}

_AUTH = Block(
    AuthScheme,
    (
        Key(
            "header", Text(pattern=r"[A-Za-z0-9_-]+", what="the name of a header"), "Header of the credential"
        ),
        Key("prefix", Text(may_be_empty=True), "What stands before it"),
    ),
)

_LABEL: Final = MapOf(Name("a label"), Text(may_be_empty=True))

PROVIDER: Final = Block(
    Provider,
    (
        Key("base_url", Url(bare=True), "Address up to the API's own path; built in for well-known names"),
        Key("api_key", Reference(), "Where gateways find the credential; never the credential itself"),
        Key(
            "apis",
            ListOf(Choice(tuple(Api), into=Api), what="API"),
            "What it speaks; `messages` is Anthropic style (base_url without /v1/messages)",
        ),
        Key("headers", Headers(), "Extra upstream headers; secrets as env: or file:"),
        Key("auth", _AUTH, "How the credential travels"),
        Key("query", Query(), "Extra query parameters"),
        Key("anthropic_version", optional(Text()), "Sent instead of the client's anthropic-version"),
        Key(
            "protection",
            Choice(("provider", "target", "off")),
            "What one request avoids after a failure: the whole provider, the target, nothing",
        ),
        Key("max_sessions", optional(Whole(1)), "Concurrent requests, over all gateways"),
        Key("labels", _LABEL, "Free words for people and metrics"),
    ),
)


class ProviderKind(Struct, frozen=True):
    """One provider; its name is the last step of the place."""

    def read(self, raw: object, place: Place, base: object = None) -> Any:
        name = str(place.path[-1])
        known = WELL_KNOWN.get(name, WellKnown("", OPENAI_APIS))
        auth = _ANTHROPIC_AUTH if _speaks_messages_only(raw) else known.auth
        provider = Provider(name=name, base_url=known.base_url, apis=known.apis, auth=auth)
        provider = PROVIDER.read(raw, place, provider)
        if provider is REFUSED:
            return REFUSED
        if not provider.base_url and not (isinstance(raw, dict) and "base_url" in raw):
            hint = f"Add `base_url`; it is built in for {', '.join(WELL_KNOWN)} only."
            return place.refuse_whole(IssueCode.MISSING, f"{place.words} has no `base_url`", hint)
        if not provider.apis:
            place.at("apis").refuse(
                IssueCode.MISSING, f"{place.words} has no API", "Name at least one, or drop the key."
            )
        return provider

    def write(self, value: Provider) -> object:
        return PROVIDER.write(value)

    def schema(self) -> JsonSchema:
        return PROVIDER.schema()

    @property
    def words(self) -> str:
        return PROVIDER.words

    @property
    def inside(self) -> Block[Provider]:
        return PROVIDER


def _speaks_messages_only(raw: object) -> bool:
    return isinstance(raw, dict) and raw.get("apis") == [Api.MESSAGES]


PROVIDERS: Final = MapOf(Name("the name of a provider"), ProviderKind())
