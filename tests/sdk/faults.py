"""The failures that every SDK meets, by name; what the provider then does stands in `scripts`.

The names are in `faults.json`, since cases in another language read them too.
"""

import json
from pathlib import Path
from typing import Final

_NAMES: Final[dict[str, list[str]]] = json.loads(
    Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
)

STATUSES: Final = tuple(_NAMES["statuses"])
"""Refusals of a request for a whole answer."""
STREAM_STATUSES: Final = tuple(_NAMES["stream_statuses"])
"""The same, of a request for a stream."""
WHOLE: Final = tuple(_NAMES["whole"])
"""Whole answers that began well, or never did."""
STREAMS: Final = tuple(_NAMES["streams"])
"""Streams that go wrong."""
HELPED: Final = tuple(_NAMES["helped"])
"""The same, read by an SDK's helper."""
RETRIED: Final = tuple(_NAMES["retried"])
"""Refusals met by a client that retries, as SDKs do by themselves."""
