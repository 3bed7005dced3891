"""Embeddings: one vector for each input, as numbers or as base64, by `encoding_format`.

Source: platform.openai.com, API reference, embeddings; the base64 is of little-endian 32-bit floats, as the
openai client decodes it. Rule: each number is exact in 32 bits, so both forms are one vector. Numbers of a
seeded generator were dropped: 32 bits round them, and a test would compare by tolerance.
"""

import struct
from base64 import b64encode
from typing import Any, Final
from zlib import crc32

from interlock_testing.voices.voice import Voice

DIMENSIONS: Final = 8
"""Without `dimensions` in the request: enough to tell vectors apart, few enough to read in a failure."""
MAX_DIMENSIONS: Final = 4096


def vector(provider: str, index: int, dimensions: int = DIMENSIONS) -> list[float]:
    """What a provider answers to the input at `index`, so that tests can ask who answered."""
    seed = crc32(f"{provider} {index}".encode())
    return [((seed >> i % 24) + i) % 256 / 256 - 0.5 for i in range(dimensions)]


class Embeddings(Voice):
    """See Voice."""

    streamed = False

    def whole(self) -> Any:
        """See Voice."""
        fields = self._asked.fields
        given, wanted = fields.get("input"), fields.get("dimensions")
        # A list is one input if it is one of tokens, and else a list of inputs.
        inputs = len(given) if isinstance(given, list) and given and type(given[0]) is not int else 1
        dimensions = wanted if isinstance(wanted, int) and 0 < wanted <= MAX_DIMENSIONS else DIMENSIONS
        vectors = [vector(self._provider, i, dimensions) for i in range(inputs)]
        encode = _base64 if fields.get("encoding_format") == "base64" else list
        return {
            "object": "list",
            "data": [
                {"object": "embedding", "index": i, "embedding": encode(each)}
                for i, each in enumerate(vectors)
            ],
            "model": self._asked.model,
            "usage": {"prompt_tokens": self.prompt_tokens, "total_tokens": self.prompt_tokens},
        }


def _base64(numbers: list[float]) -> str:
    return b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
