"""The AsyncAPI 3 document of a cell: its five topics and the webhook, made from what the code says.

`python -m interlock_reactors.asyncapi` writes asyncapi.json into the docs folder; a test keeps it current.

Rule: schemas come from the structs, names and settings of topics from the layout that `interlock migrate`
makes, so the document cannot say anything that is not so. Dropped: the framework's
own generator, which cannot describe msgspec structs and knows no settings of topics.
"""

import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from interlock_domain.attempt.record import RequestRecord
from interlock_domain.catalog.policy import Retention
from interlock_domain.projection.effects import Effect
from interlock_domain.rows import CatalogRow, ClusterRow, CommitRow, PoolRow, ProviderRow, TargetRow
from interlock_eventlog.dead_letters import DeadLetterReason
from interlock_eventlog.envelope import Envelope
from interlock_eventlog.upcast import EVENT_TYPES, VERSIONS
from interlock_reactors.alert import DEAD_LETTER, STALE, WORDS
from interlock_runtime.kafka.connection import Topics
from interlock_runtime.kafka.layout import TopicLayout, layouts

Json = dict[str, Any]

FILE: Final = "asyncapi.json"
JSON: Final = "application/json"
TEMPLATE: Final = "#/components/schemas/{name}"
TOPICS: Final = Topics()
ROWS: Final = {
    "catalog": CatalogRow,
    "target/<id>": TargetRow,
    "provider/<name>": ProviderRow,
    "pool/<name>": PoolRow,
    "_cluster": ClusterRow,
    "_commit": CommitRow,
}
_DIGITS: Final = {"type": "string", "pattern": "^[0-9]+$"}
_TEXT: Final = {"type": "string"}
_CLOUD: Final = {"ce_id": _TEXT, "ce_type": _TEXT, "ce_source": _TEXT, "ce_specversion": {"const": "1.0"}}


def document() -> Json:
    """The whole document."""
    structs = [*EVENT_TYPES.values(), Envelope, *ROWS.values(), RequestRecord, Effect]
    _, schemas = msgspec.json.schema_components(structs, ref_template=TEMPLATE)
    for name in EVENT_TYPES:
        _without_tag(schemas[name])
    messages = {**_events(), **_rows(), **_others()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Interlock",
            "version": "1.0.0",
            "description": "The topics of one cell. The first part of their names is INTERLOCK_TOPIC_PREFIX; "
            "here its default. Whoever reads them drops repetitions by id.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": JSON,
        "channels": _channels(messages),
        "operations": _operations(),
        "components": {"messages": messages, "schemas": dict(sorted(schemas.items()))},
    }


def text() -> str:
    """The document as it stands in the file."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=2).decode() + "\n"


def _without_tag(schema: Json) -> None:
    """An event's type stands in the envelope, not in its data."""
    schema["properties"].pop("type", None)
    schema["required"] = [name for name in schema.get("required", ()) if name != "type"]


def _ref(name: str) -> Json:
    return {"$ref": TEMPLATE.format(name=name)}


def _message(title: str, summary: str, payload: Json, headers: Json, key: str) -> Json:
    return {
        "name": title,
        "title": title,
        "summary": summary,
        "contentType": JSON,
        "headers": {"type": "object", "properties": headers},
        "payload": payload,
        "bindings": {"kafka": {"key": {"type": "string", "description": key}}},
    }


def _events() -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name, struct in EVENT_TYPES.items():
        said = {"type": {"const": name}, "v": {"const": VERSIONS[name]}, "data": _ref(name)}
        payload = {"allOf": [_ref("Envelope"), {"type": "object", "properties": said}]}
        headers = {**_CLOUD, "ce_time": _TEXT, "traceparent": _TEXT}
        summary = (struct.__doc__ or name).strip().splitlines()[0]
        found[f"event.{name}"] = _message(name, summary, payload, headers, "the stream: equal to `stream`")
    return found


def _rows() -> dict[str, Json]:
    headers = {
        "generation": _DIGITS,
        "epoch": _DIGITS,
        "position": _DIGITS,
        "encoding": {"const": "deflate", "description": "a large value is compressed by zlib"},
    }
    return {
        f"row.{struct.__name__}": _message(
            struct.__name__,
            "A commit closes the rows before it." if key == "_commit" else "A row; no value: it is gone.",
            _ref(struct.__name__)
            if key == "_commit"
            else {"oneOf": [_ref(struct.__name__), {"type": "null"}]},
            headers,
            f"`{key}`",
        )
        for key, struct in ROWS.items()
    }


def _others() -> dict[str, Json]:
    dead: Json = {f"dead_{name}": _TEXT for name in ("id", "consumer", "detail", "cut_from")}
    dead["dead_reason"] = {"enum": [reason.value for reason in DeadLetterReason]}
    return {
        "requests": _message(
            "RequestsRecorded",
            "Request records of one gateway, at most 200 or 64 KiB.",
            {"type": "array", "items": _ref("RequestRecord")},
            {**_CLOUD, "content-type": {"const": JSON}},
            "the gateway of every record in it",
        ),
        "effect": _message(
            "Effect",
            "What the fold observed.",
            _ref("Effect"),
            {"id": {"type": "string", "description": "projection:position:n"}},
            "the subject: equal to `subject`",
        ),
        "letter": _message(
            "DeadLetter",
            "A record as it came, cut when it is large; its own headers follow ours.",
            {"type": ["string", "null"], "contentEncoding": "binary"},
            dead,
            "as it came",
        )
        | {"contentType": "application/octet-stream"},
        "alert": _alert(),
    }


def _alert() -> Json:
    words = sorted({*WORDS.values(), DEAD_LETTER, STALE})
    event = {
        "type": "object",
        "required": ["specversion", "id", "source", "type", "subject", "time", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "description": "the same at every repetition; equal to webhook-id"},
            "source": {"type": "string", "description": "INTERLOCK_TOPIC_PREFIX of the cell"},
            "type": {"enum": [f"interlock.alert.{word}.v1" for word in words]},
            "subject": {"type": "string", "description": "what it is about: `target/..`, `feed`, a consumer"},
            "time": {"type": "string", "format": "date-time", "description": "log time"},
            "datacontenttype": {"const": JSON},
            "data": {"anyOf": [_ref("Effect"), {"type": "object"}]},
        },
    }
    headers = {
        "webhook-id": _TEXT,
        "webhook-timestamp": {**_DIGITS, "description": "seconds; of this try"},
        "webhook-signature": {
            "type": "string",
            "description": "v1,<base64 of HMAC-SHA256 over id.timestamp.body>, when a secret is declared",
        },
    }
    alert = _message("Alert", "A CloudEvent, signed as Standard Webhooks does.", event, headers, "")
    return alert | {"contentType": "application/cloudevents+json", "bindings": {}}


def _channels(messages: dict[str, Json]) -> Json:
    of = {
        "events": (TOPICS.events, "event.", "The log: decisions and facts in one order."),
        "state": (TOPICS.state, "row.", "The state feed, compacted."),
        "requests": (TOPICS.requests, "requests", "Request records on their way to the database."),
        "transitions": (TOPICS.transitions, "effect", "What the fold observed, for effects outside."),
        "deadLetters": (TOPICS.dead_letters, "letter", "Copies of what nobody could read or deliver."),
    }
    laid = {one.name: one for one in layouts(TOPICS, replication=3, retention=Retention())}
    channels: Json = {
        channel: {
            "address": topic,
            "description": says,
            "messages": _pointed(messages, start),
            "bindings": {"kafka": _binding(laid[topic])},
        }
        for channel, (topic, start, says) in of.items()
    }
    channels["alerts"] = {
        "address": None,
        "description": "POST to each `alerts` address of the configuration. 2xx: taken; 408, 429, 5xx and no "
        "answer: tried again; anything else: a dead letter.",
        "messages": _pointed(messages, "alert"),
    }
    return channels


def _pointed(messages: dict[str, Json], start: str) -> Json:
    names = [name for name in messages if name.startswith(start)]
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def _binding(layout: TopicLayout) -> Json:
    known = ("cleanup.policy", "retention.ms", "retention.bytes", "delete.retention.ms", "max.message.bytes")
    settings = {one.name: one.value for one in layout.settings if one.name in known}
    typed: Json = {
        name: [value] if name == "cleanup.policy" else int(value) for name, value in sorted(settings.items())
    }
    return {
        "topic": layout.name,
        "partitions": layout.partitions,
        "replicas": 3,
        "topicConfiguration": typed,
        "bindingVersion": "0.5.0",
    }


def _operations() -> Json:
    said = {
        "events": (
            "the relay (decisions), gateways and the projector (facts)",
            "projectors, control planes",
            None,
        ),
        "state": ("the owner of the projection", "gateways, the reactors", None),
        "requests": ("gateways", "the reactors", f"{TOPICS.prefix}.records"),
        "transitions": ("the owner of the projection", "the reactors", f"{TOPICS.prefix}.alerts.<receiver>"),
        "deadLetters": (
            "the owner of the projection, the reactors",
            "the reactors",
            f"{TOPICS.prefix}.alerts.<receiver>",
        ),
    }
    found: Json = {"sendAlerts": _operation("send", "alerts", "By the reactors.", None)}
    for channel, (senders, readers, group) in said.items():
        name = channel[0].upper() + channel[1:]
        found[f"send{name}"] = _operation("send", channel, f"By {senders}.", None)
        found[f"receive{name}"] = _operation("receive", channel, f"By {readers}.", group)
    return found


def _operation(action: str, channel: str, summary: str, group: str | None) -> Json:
    made: Json = {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": summary}
    if group is not None:
        made["bindings"] = {
            "kafka": {"groupId": {"type": "string", "enum": [group]}, "bindingVersion": "0.5.0"}
        }
    return made


def main(folder: str = "docs") -> None:
    """Write the file."""
    Path(folder, FILE).write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:2])
