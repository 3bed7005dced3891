"""Messages: blocks that open and close, events with names, an error that is typed at its root.

Source: platform.claude.com/docs, build-with-claude/streaming, api/errors, api/messages-count-tokens. Rule:
the start of a block, a ping and its deltas come as in the reference's own example, and as there message_start
says what input was used and message_delta what output. Input again in message_delta, as newer models send it,
was dropped: a reader that waits for it there would pass.
"""

from collections.abc import Iterator
from typing import Any, Final

from interlock_testing.behaviour import Behaviour
from interlock_testing.voices.asked import Asked
from interlock_testing.voices.parts import Part, Says
from interlock_testing.voices.voice import BlockVoice, Voice, named_event

_BY_STATUS: Final = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_BY_CODE: Final = {
    "server_error": "api_error",
    "rate_limit_exceeded": "rate_limit_error",
    "server_is_overloaded": "overloaded_error",
}
"""The words of `Behaviour.code`, which are OpenAI's, in Anthropic's; others go out as they are."""


class AnthropicVoice(Voice):
    """What both paths share: ids in the headers and the form of errors."""

    @property
    def headers(self) -> dict[str, str]:
        """See Voice."""
        return {"request-id": self._request_id}

    def error(self) -> bytes:
        """See Voice."""
        return named_event(self.failed())

    def failed(self) -> Any:
        """See Voice."""
        code = self._behaviour.code
        return self._error(_BY_CODE.get(code, code), "simulated error inside a 200")

    def refusal(self) -> Any:
        """See Voice."""
        status = self._behaviour.status
        kind = _BY_STATUS.get(status) or ("invalid_request_error" if status < 500 else "api_error")
        return self._error(kind, f"simulated {status}")

    def _error(self, kind: str, message: str) -> dict[str, Any]:
        error = {"type": kind, "message": message}
        return {"type": "error", "error": error, "request_id": self._request_id}

    @property
    def _request_id(self) -> str:
        return f"req_{self._provider}_{self._asked.n}"


class CountTokens(AnthropicVoice):
    """See Voice."""

    streamed = False

    def whole(self) -> Any:
        """See Voice."""
        return {"input_tokens": self.prompt_tokens}


class Messages(AnthropicVoice, BlockVoice):
    """See Voice."""

    sentinel = named_event({"type": "message_stop"})
    broken = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n'

    def __init__(self, provider: str, asked: Asked, behaviour: Behaviour) -> None:
        super().__init__(provider, asked, behaviour)
        self._blocks = [self._block(i, part) for i, part in enumerate(self.parts)]

    def whole(self) -> Any:
        """See Voice."""
        return self._message(self._blocks, self._stop_reason, self.pieces)

    def head(self) -> Iterator[bytes]:
        """See BlockVoice."""
        yield named_event({"type": "message_start", "message": self._message([], None, 1)})

    def opening(self) -> Iterator[bytes]:
        """See Voice."""
        yield from super().opening()
        yield named_event({"type": "ping"})

    def begin(self, index: int) -> bytes:
        """See BlockVoice."""
        says, block = self.parts[index].says, self._blocks[index]
        if says is Says.CALL:
            return self._start(index, block | {"input": {}}) + self.delta(index, "")
        empty = {"text": ""} if says is Says.TEXT else {"thinking": "", "signature": ""}
        return self._start(index, block | empty)

    def delta(self, index: int, piece: str) -> bytes:
        """See BlockVoice."""
        deltas = {
            Says.TEXT: {"type": "text_delta", "text": piece},
            Says.THOUGHT: {"type": "thinking_delta", "thinking": piece},
            Says.CALL: {"type": "input_json_delta", "partial_json": piece},
        }
        return self._delta(index, deltas[self.parts[index].says])

    def end(self, index: int) -> bytes:
        """See BlockVoice."""
        signed = b""
        if self.parts[index].says is Says.THOUGHT:
            signature = self._blocks[index]["signature"]
            signed = self._delta(index, {"type": "signature_delta", "signature": signature})
        return signed + named_event({"type": "content_block_stop", "index": index})

    def closing(self) -> Iterator[bytes]:
        """See Voice."""
        yield from super().closing()
        delta = {"stop_reason": self._stop_reason, "stop_sequence": None}
        usage = {"output_tokens": self.pieces}
        yield named_event({"type": "message_delta", "delta": delta, "usage": usage})

    @staticmethod
    def _start(index: int, block: dict[str, Any]) -> bytes:
        return named_event({"type": "content_block_start", "index": index, "content_block": block})

    @staticmethod
    def _delta(index: int, delta: dict[str, Any]) -> bytes:
        return named_event({"type": "content_block_delta", "index": index, "delta": delta})

    def _block(self, index: int, part: Part) -> dict[str, Any]:
        if part.says is Says.CALL:
            called = f"toolu_{self._provider}_{self._asked.n}_{index}"
            return {"type": "tool_use", "id": called, "name": part.name, "input": part.arguments}
        if part.says is Says.THOUGHT:
            return {"type": "thinking", "thinking": part.whole, "signature": f"signed-{self._provider}"}
        return {"type": "text", "text": part.whole}

    def _message(
        self, content: list[dict[str, Any]], stop_reason: str | None, output_tokens: int
    ) -> dict[str, Any]:
        return {
            "id": f"msg_{self._provider}_{self._asked.n}",
            "type": "message",
            "role": "assistant",
            "model": self._asked.model,
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": None,
            "usage": {
                "input_tokens": self.prompt_tokens,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": output_tokens,
            },
        }

    @property
    def _stop_reason(self) -> str:
        return "tool_use" if self.calls else "end_turn"
