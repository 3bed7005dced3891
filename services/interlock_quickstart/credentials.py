"""Credentials of this process: looked up by reference once, known elsewhere by fingerprint only.

Rule: a boot has fixed credentials, so a reference is resolved once and its answer kept; a changed secret
takes a new start. A missing one stops nothing but its own provider's targets, and is told in one line that
says what to set. Dropped: stopping at the first missing secret, which makes one expired key an outage.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from interlock_domain.catalog.provider import Provider, SecretRef
from interlock_domain.projection.state import Catalog
from interlock_runtime.secrets import MissingSecret, Secret, cluster_key, credential_fingerprint, resolve

LOOK_S: Final = 1.0
"""Between two looks: a new provider gets few requests in its first second."""

_log = logging.getLogger(__name__)


class Credentials:
    """Secrets by reference; the cluster key stays in here."""

    def __init__(self, data_dir: Path, variables: Mapping[str, str]) -> None:
        self._cluster_key = cluster_key(data_dir)
        self._variables = variables
        self._found: dict[SecretRef, Secret | MissingSecret] = {}

    def secret_of(self, ref: SecretRef) -> str | None:
        """The secret itself, for the gateway's own calls; None when it is missing."""
        found = self._resolved(ref)
        return found.value if isinstance(found, Secret) else None

    def fingerprints(self, providers: Iterable[Provider]) -> dict[str, str]:
        """Provider -> fingerprint, of those that have a credential."""
        found: dict[str, str] = {}
        for provider in providers:
            secret = self.secret_of(provider.api_key) if provider.api_key is not None else None
            if secret is not None:
                found[provider.name] = credential_fingerprint(self._cluster_key, secret)
        return found

    def missing(self, providers: Iterable[Provider]) -> dict[str, str]:
        """Provider -> what to set, of those that cannot be called."""
        return _missing(providers, self._resolved)

    async def follow(self, catalog: Callable[[], Catalog], known: dict[str, str]) -> None:
        """Add the fingerprints of providers that a later revision brings to `known`; ends by cancellation."""
        seen = catalog().revision
        while True:
            await asyncio.sleep(LOOK_S)
            if catalog().revision != seen:
                seen = catalog().revision
                providers = [one for name, one in catalog().providers.items() if name not in known]
                known.update(self.fingerprints(providers))
                for provider, what_to_set in self.missing(providers).items():
                    _log.warning("%s: %s; its targets are not called", provider, what_to_set)

    def _resolved(self, ref: SecretRef) -> Secret | MissingSecret:
        if ref not in self._found:
            self._found[ref] = resolve(ref, self._variables)
        return self._found[ref]


def missing_secrets(providers: Iterable[Provider], variables: Mapping[str, str]) -> dict[str, str]:
    """Provider -> what to set, without a process that would use it."""
    return _missing(providers, lambda ref: resolve(ref, variables))


def _missing(
    providers: Iterable[Provider], resolved: Callable[[SecretRef], Secret | MissingSecret]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for provider in providers:
        refs = [value.ref for value in provider.headers.values() if value.ref is not None]
        for ref in [*refs, *([provider.api_key] if provider.api_key is not None else [])]:
            answer = resolved(ref)
            if isinstance(answer, MissingSecret):
                found[provider.name] = answer.message
    return found
