"""How upstreams are trusted: always verified, by the system's authorities and one more file when given.

The rule kept: there is no switch that turns verification off; a private upstream brings its authority. The
file is added to the system's authorities instead of replacing them, since one client serves public and
private upstreams.
"""

import ssl
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """`ca_file`: path of a PEM file with further authorities."""

    ca_file: str | None = None

    def context(self) -> ssl.SSLContext:
        """Read the authorities (30 ms: keep it off the loop). Raises OSError, also as ssl.SSLError."""
        context = ssl.create_default_context()
        if self.ca_file is not None:
            context.load_verify_locations(cafile=self.ca_file)
        context.set_alpn_protocols(["http/1.1"])
        return context
