"""Credentials of a gateway in a cluster: found by reference once, known elsewhere by fingerprint only.

Rule: a boot has fixed credentials, so a reference is resolved once and its answer kept; a changed secret
takes a new start. The key for fingerprints is the cluster's own and arrives in the feed row `_cluster`, so
that every gateway names a credential alike; without it nothing is fingerprinted, and calls go on. Dropped: a
key of each gateway's own, under which a quarantine would protect nobody but its finder.
"""

import logging
from collections.abc import Iterable, Mapping

import msgspec

from interlock_domain.catalog.provider import Provider, SecretRef
from interlock_domain.rows import CLUSTER_KEY, ClusterRow
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_runtime.secrets import MissingSecret, Secret, credential_fingerprint, resolve

_log = logging.getLogger(__name__)


class Credentials:
    """Secrets by reference, and the fingerprints of the providers of the snapshot in force."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._found: dict[SecretRef, Secret | MissingSecret] = {}
        self._key_row: bytes | None = None
        self._key: bytes | None = None
        self._providers: Mapping[str, Provider] = {}
        self._warned: set[str] = set()

    def secret_of(self, ref: SecretRef) -> str | None:
        """The secret itself, for the gateway's own calls; None when it is missing."""
        found = self._resolved(ref)
        return found.value if isinstance(found, Secret) else None

    def learn(self, snapshot: Snapshot, known: dict[str, str]) -> bool:
        """Bring `known` (provider -> fingerprint) up to a snapshot; True when a fingerprint is new in it."""
        row = snapshot.rows.get(CLUSTER_KEY)
        if row is self._key_row and snapshot.providers is self._providers:
            return False
        self._key_row, self._providers = row, snapshot.providers
        self._key = _key_of(row)
        self._warn(snapshot.providers.values())
        found = self._fingerprints(snapshot.providers.values())
        new = any(known.get(provider) != fingerprint for provider, fingerprint in found.items())
        known.update(found)
        return new

    def _fingerprints(self, providers: Iterable[Provider]) -> dict[str, str]:
        found: dict[str, str] = {}
        for provider in providers:
            secret = self.secret_of(provider.api_key) if provider.api_key is not None else None
            if secret is not None and self._key is not None:
                found[provider.name] = credential_fingerprint(self._key, secret)
        return found

    def _warn(self, providers: Iterable[Provider]) -> None:
        for provider in providers:
            refs = [value.ref for value in provider.headers.values() if value.ref is not None]
            for ref in [*refs, *([provider.api_key] if provider.api_key is not None else [])]:
                answer = self._resolved(ref)
                if isinstance(answer, MissingSecret) and answer.message not in self._warned:
                    self._warned.add(answer.message)
                    _log.warning("%s: %s; its targets are not called", provider.name, answer.message)

    def _resolved(self, ref: SecretRef) -> Secret | MissingSecret:
        if ref not in self._found:
            self._found[ref] = resolve(ref, self._variables)
        return self._found[ref]


def _key_of(row: bytes | None) -> bytes | None:
    if row is None:
        return None
    try:
        return msgspec.json.decode(row, type=ClusterRow).key or None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        _log.warning("the feed's row %s cannot be read: credentials are not fingerprinted", CLUSTER_KEY)
        return None
