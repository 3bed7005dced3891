"""Signing a POST as Standard Webhooks does, so that receivers check it with a library that exists.

Rule: signed is `id.timestamp.body`, by HMAC-SHA256, said as `v1,<base64>`; the timestamp is that of the try,
because receivers refuse old ones. A secret that starts with `whsec_` is base64 of the key, any other one is
the key itself. Without a secret there is no signature.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Final

PREFIX: Final = "whsec_"


def signed_headers(id: str, body: bytes, secret: str | None, *, now_s: int) -> dict[str, str]:
    """The three headers, or two of them."""
    headers = {"webhook-id": id, "webhook-timestamp": str(now_s)}
    if secret is not None:
        signed = b"%s.%d.%s" % (id.encode(), now_s, body)
        digest = hmac.digest(_key(secret), signed, hashlib.sha256)
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers


def _key(secret: str) -> bytes:
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()
