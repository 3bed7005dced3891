"""A request that may be routed, whichever client API it came by.

Rule: of a body only this is read; it goes on as the bytes that came in, but for the model's name.
"""

from msgspec import Struct

from interlock_domain.routing.decision import Traits
from interlock_protocols.model_name import Span


class InferenceRequest(Struct, frozen=True, kw_only=True):
    """`model_span`: where to write another model name (`model_name.with_model`)."""

    model: str
    stream: bool
    traits: Traits
    model_span: Span
