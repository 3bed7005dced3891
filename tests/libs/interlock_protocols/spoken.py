"""The same answer as two vendors would stream it, and what a client makes of the events.

`Part` is (kind, text): `thought`, `text`, or the name of a tool with its arguments. A vendor has ids of its
own and cuts texts in its own places.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from interlock_protocols.continuing.joiner import events_of

Part = tuple[str, str]
Json = dict[str, Any]


def pieces(text: str, sizes: list[int]) -> Iterator[str]:
    """The text, cut after so many characters in turn."""
    at = n = 0
    while at < len(text):
        size = sizes[n % len(sizes)]
        yield text[at : at + size]
        at, n = at + size, n + 1


def event(value: Json, name: str = "") -> bytes:
    return f"{f'event: {name}' + chr(10) if name else ''}data: {json.dumps(value)}\n\n".encode()


def chat(parts: list[Part], vendor: str, sizes: list[int], index: int = 0) -> list[bytes]:
    def chunk(delta: Json, finish: str | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "finish_reason": finish}
        head = {"id": f"chat-{vendor}", "object": "chat.completion.chunk", "created": len(vendor)}
        return event({**head, "model": f"model-{vendor}", "choices": [choice]})

    out = [chunk({"role": "assistant", "content": ""})]
    calls = 0
    for kind, text in parts:
        if kind in ("thought", "text"):
            key = "content" if kind == "text" else "reasoning_content"
            out += [chunk({key: piece}) for piece in pieces(text, sizes)]
            continue
        function = {"name": kind, "arguments": ""}
        call = {"index": calls, "id": f"call-{vendor}-{calls}", "type": "function", "function": function}
        out.append(chunk({"tool_calls": [call]}))
        for piece in pieces(text, sizes):
            out.append(chunk({"tool_calls": [{"index": calls, "function": {"arguments": piece}}]}))
        calls += 1
    return [*out, chunk({}, "tool_calls" if calls else "stop"), b"data: [DONE]\n\n"]


def completion(parts: list[Part], vendor: str, sizes: list[int], index: int = 0) -> list[bytes]:
    def chunk(text: str, finish: str | None = None) -> bytes:
        choice = {"index": index, "text": text, "logprobs": None, "finish_reason": finish}
        return event({"id": f"cmpl-{vendor}", "model": f"model-{vendor}", "choices": [choice]})

    whole = "".join(text for _, text in parts)
    return [*map(chunk, pieces(whole, sizes)), chunk("", "stop"), b"data: [DONE]\n\n"]


def messages(parts: list[Part], vendor: str, sizes: list[int]) -> list[bytes]:
    def named(kind: str, **fields: Any) -> bytes:
        return event({"type": kind, **fields}, kind)

    usage = {"input_tokens": len(vendor), "output_tokens": 1}
    message = {"id": f"msg-{vendor}", "role": "assistant", "model": f"model-{vendor}", "content": []}
    out = [named("message_start", message={**message, "stop_reason": None, "usage": usage}), named("ping")]
    for index, (kind, text) in enumerate(parts):
        key, block = "partial_json", {"type": "tool_use", "id": f"toolu-{vendor}", "name": kind, "input": {}}
        if kind in ("thought", "text"):
            key = "thinking" if kind == "thought" else "text"
            block = {"type": key, key: "", **({"signature": ""} if kind == "thought" else {})}
        out.append(named("content_block_start", index=index, content_block=block))
        what = "input_json_delta" if key == "partial_json" else f"{key}_delta"
        deltas = [{"type": what, key: piece} for piece in pieces(text, sizes)]
        if kind == "thought":
            deltas.append({"type": "signature_delta", "signature": f"signed-{vendor}"})
        out += [named("content_block_delta", index=index, delta=delta) for delta in deltas]
        out.append(named("content_block_stop", index=index))
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    return [*out, named("message_delta", delta=delta, usage={"output_tokens": 9}), named("message_stop")]


def responses(parts: list[Part], vendor: str, sizes: list[int]) -> list[bytes]:
    out: list[bytes] = []

    def named(kind: str, **fields: Any) -> None:
        out.append(event({"type": kind, "sequence_number": len(out), **fields}, kind))

    def response(status: str, output: list[Json]) -> Json:
        return {"id": f"resp-{vendor}", "created_at": len(vendor), "status": status, "output": output}

    named("response.created", response=response("in_progress", []))
    items = []
    for index, (kind, text) in enumerate(parts):
        item = _item(kind, text, f"{vendor}-{index}")
        items.append(item)
        place: Json = {"item_id": item["id"], "output_index": index}
        empty: Json = {"text": {"content": []}, "thought": {"summary": []}}.get(kind, {})
        begun = {**item, **empty, **({"arguments": ""} if "arguments" in item else {}), "status": "begun"}
        named("response.output_item.added", output_index=index, item=begun)
        what = {"text": "output_text", "thought": "reasoning_summary_text"}.get(
            kind, "function_call_arguments"
        )
        place |= {"text": {"content_index": 0}, "thought": {"summary_index": 0}}.get(kind, {})
        for piece in pieces(text, sizes):
            named(f"response.{what}.delta", **place, delta=piece)
        named(f"response.{what}.done", **place, text=text)
        named("response.output_item.done", output_index=index, item=item)
    named("response.completed", response=response("completed", items) | {"usage": {"total_tokens": 9}})
    return [*out, b"data: [DONE]\n\n"]


def _item(kind: str, text: str, named: str) -> Json:
    if kind == "text":
        return {"id": f"msg-{named}", "type": "message", "content": [{"type": "output_text", "text": text}]}
    if kind == "thought":
        secret = {"encrypted_content": f"secret-{named}"}
        return {"id": f"rs-{named}", "type": "reasoning", "summary": [{"text": text}], **secret}
    call = {"call_id": f"call-{named}", "name": kind, "arguments": text}
    return {"id": f"fc-{named}", "type": "function_call", **call}


def read_choices(stream: bytes) -> Json:
    """What a client has at the end: every string of a choice is added up, by the vendor's rule."""
    found: Json = {"names": set(), "ids": {}, "choices": {}}
    for each in events_of(stream):
        if each.data.startswith(b"[DONE]"):
            found["done"] = True
            continue
        value = each.value
        found["names"].add((value.get("id"), value.get("created"), value.get("model")))
        for choice in value["choices"]:
            told = found["choices"].setdefault(choice["index"], {})
            if choice["finish_reason"]:
                told["finish"] = told.get("finish", "") + choice["finish_reason"]
            for key in ("content", "reasoning_content", "role"):
                text = (choice.get("delta") or {}).get(key)
                told[key] = told.get(key, "") + (text or "")
            told["text"] = told.get("text", "") + (choice.get("text") or "")
            for call in (choice.get("delta") or {}).get("tool_calls", ()):
                own = told.setdefault(("call", call["index"]), {"id": "", "name": "", "arguments": ""})
                own["id"] += call.get("id", "")
                own["name"] += call["function"].get("name", "")
                own["arguments"] += call["function"].get("arguments", "")
    return found


def read_messages(stream: bytes) -> Json:
    """What the anthropic client adds up, in fewer words."""
    found: Json = {"starts": 0, "blocks": [], "stopped": 0}
    for each in events_of(stream):
        _read_message_event(found, each.value)
    return found


def _read_message_event(found: Json, value: Json) -> None:
    kind = value.get("type")
    if kind == "message_start":
        found["starts"] += 1
        found |= {"id": value["message"]["id"], "usage": dict(value["message"]["usage"])}
    elif kind == "content_block_start":
        assert value["index"] == len(found["blocks"])
        found["blocks"].append(dict(value["content_block"]))
    elif kind == "content_block_delta":
        _add_delta(found["blocks"][value["index"]], value["delta"])
    elif kind == "content_block_stop":
        block = found["blocks"][value["index"]]
        block["ends"] = block.get("ends", 0) + 1
    elif kind == "message_delta":
        found["usage"] |= value["usage"]
        found["reason"] = value["delta"]["stop_reason"]
    found["stopped"] += kind == "message_stop"


def _add_delta(block: Json, delta: Json) -> None:
    for key, text in delta.items():
        if key != "type":
            block[key] = text if key == "signature" else block.get(key, "") + text


def read_responses(stream: bytes) -> Json:
    """Numbers in order, ids that never change, texts by place, and the response at the end."""
    found: Json = {"numbers": [], "items": {}, "texts": {}, "done": [], "whole": {}}
    for each in events_of(stream):
        value, kind = each.value, each.value.get("type", "")
        if not value:
            found["ended"] = each.data == b"[DONE]"
            continue
        found["numbers"].append(value["sequence_number"])
        if "response" in value:
            found.setdefault("ids", set()).add(value["response"]["id"])
            found["response"] = value["response"]
        if "item" in value:
            names = (value["item"]["id"], value["item"].get("call_id"))
            found["items"].setdefault(value["output_index"], []).append(names)
            if kind.endswith(".done"):
                found["whole"][value["output_index"]] = value["item"]
        if kind.endswith(".delta"):
            assert value["item_id"] == found["items"][value["output_index"]][0][0]
            found["texts"][value["output_index"]] = (
                found["texts"].get(value["output_index"], "") + value["delta"]
            )
        if kind.endswith(".done") and "text" in value:
            found["done"].append((value["output_index"], value["text"]))
    return found


Speaks = Callable[[list[Part], str, list[int]], list[bytes]]
