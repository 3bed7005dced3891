"""A provider: an upstream account (base URL, dialect, credential reference, labels).

Only references to secrets are ever held here; their values live in gateway processes alone.
"""

from msgspec import Struct, field

from interlock_domain.words import Api

OPENAI_APIS = (Api.CHAT, Api.COMPLETIONS, Api.RESPONSES, Api.EMBEDDINGS)


class SecretRef(Struct, frozen=True, kw_only=True):
    """Where a gateway finds a secret: environment variable name or file path."""

    env: str | None = None
    file: str | None = None


class HeaderValue(Struct, frozen=True, kw_only=True):
    """An extra upstream header: a literal that is no secret, or a reference."""

    literal: str | None = None
    ref: SecretRef | None = None


class AuthScheme(Struct, frozen=True, kw_only=True):
    """How the credential travels, for example `authorization: Bearer <secret>`."""

    header: str = "authorization"
    prefix: str = "Bearer "


class Provider(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One upstream account; `base_url` has no trailing slash and no userinfo."""

    name: str
    base_url: str
    api_key: SecretRef | None = None
    apis: tuple[Api, ...] = OPENAI_APIS
    headers: dict[str, HeaderValue] = field(default_factory=dict)
    auth: AuthScheme = AuthScheme()
    query: dict[str, str] = field(default_factory=dict)
    anthropic_version: str | None = None
    protection: str = "target"
    max_sessions: int | None = None
    labels: dict[str, str] = field(default_factory=dict)
