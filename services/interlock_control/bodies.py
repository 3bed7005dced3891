"""What clients send: request bodies, checked at the edge and described in the OpenAPI document.

Rule: unknown fields are refused, because a misspelt `expires_in` would otherwise be forever; durations are
written as in the configuration file (`10m`). Nothing behind this module knows pydantic.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from interlock_domain.catalog.kinds.units import parse_duration
from interlock_domain.words import ALL_SHAPES, AdminState, Shape

_SHAPES = (ALL_SHAPES, *Shape)


def _is_duration(text: str) -> str:
    ms = parse_duration(text)
    if not ms:
        raise ValueError(f"{text!r} is no duration: write 30s, 10m or 2h")
    return text


def _is_shape(text: str) -> str:
    if text not in _SHAPES:
        raise ValueError(f"{text!r} is no shape: write one of {', '.join(_SHAPES)}, or * for all")
    return text


Duration = Annotated[str, AfterValidator(_is_duration), Field(examples=["10m"])]
ShapeText = Annotated[str, AfterValidator(_is_shape), Field(examples=["tools"])]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class StateBody(_Body):
    """What an operator wants of a provider, target, pool or member."""

    state: AdminState
    reason: str | None = Field(default=None, max_length=500)
    expires_in: Duration | None = None

    @property
    def expires_in_ms(self) -> int | None:
        """The expiry in milliseconds."""
        return parse_duration(self.expires_in) if self.expires_in is not None else None


class CooldownBody(_Body):
    """A rest that an operator asks for."""

    duration: Duration = Field(alias="for")
    shape: ShapeText = ALL_SHAPES
    reason: str | None = Field(default=None, max_length=500)

    @property
    def duration_ms(self) -> int:
        """The rest in milliseconds."""
        return parse_duration(self.duration) or 0


class LiftBody(_Body):
    """Which rest an operator ends."""

    shape: ShapeText = ALL_SHAPES
    reason: str | None = Field(default=None, max_length=500)
