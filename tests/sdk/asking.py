"""What the cases ask: messages, tools, schemas, pictures. Small, and no two alike in what they try."""

from typing import Any, Final

HELLO: Final = [{"role": "user", "content": "Say hello"}]

WEATHER: Final = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Où? 何処?"},
        "days": {"type": "integer"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
    },
    "required": ["city", "days", "unit"],
    "additionalProperties": False,
}
CLOCK: Final = {
    "type": "object",
    "properties": {"zone": {"type": "string"}},
    "required": ["zone"],
    "additionalProperties": False,
}

FUNCTIONS: Final = [
    {"type": "function", "function": {"name": "weather", "description": "Forecast", "parameters": WEATHER}},
    {"type": "function", "function": {"name": "clock", "parameters": CLOCK, "strict": True}},
]
"""Tools as chat has them."""
FLAT_FUNCTIONS: Final = [
    {"type": "function", "name": "weather", "description": "Forecast", "parameters": WEATHER, "strict": True},
    {"type": "function", "name": "clock", "parameters": CLOCK, "strict": True},
]
"""Tools as responses has them."""
TOOLS: Final = [
    {"name": "weather", "description": "Forecast", "input_schema": WEATHER},
    {"name": "clock", "input_schema": CLOCK},
]
"""Tools as messages has them."""

PNG: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
PDF: Final = "JVBERi0xLjEKJcKlwrHDqwoKMSAwIG9iagogIDw8IC9UeXBlIC9DYXRhbG9nID4+CmVuZG9iago="

BIG: Final = 4 * 1024 * 1024
"""Characters of a big body: more reads than one on any socket, less than any limit."""


def contact() -> Any:
    """A model for structured answers; pydantic comes with each SDK."""
    from pydantic import BaseModel

    class Contact(BaseModel):
        name: str
        age: int
        active: bool

    return Contact
