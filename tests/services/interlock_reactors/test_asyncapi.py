"""The AsyncAPI document: current, complete, and without a reference that leads nowhere."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema

from interlock_domain.catalog.policy import Retention
from interlock_eventlog.upcast import EVENT_TYPES
from interlock_reactors.asyncapi import FILE, document, main, text
from interlock_runtime.kafka.connection import Topics
from interlock_runtime.kafka.layout import layouts

DOCS = Path(__file__).parents[3] / "docs"


def references(part: Any) -> list[str]:
    """Every $ref in it."""
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [ref for value in part.values() for ref in references(value)]
    return [ref for value in part for ref in references(value)] if isinstance(part, list) else []


def found(whole: Any, ref: str) -> Any:
    """What a reference leads to."""
    for step in ref.removeprefix("#/").split("/"):
        whole = whole[step.replace("~1", "/")]
    return whole


def test_the_file_is_current() -> None:
    assert (DOCS / FILE).read_text(encoding="utf-8") == text(), "run `make asyncapi`"


def test_the_command_writes_it(tmp_path: Path) -> None:
    main(str(tmp_path))
    assert (tmp_path / FILE).read_text(encoding="utf-8") == text()


def test_it_is_a_document_of_that_version() -> None:
    assert document()["asyncapi"].startswith("3.")
    ApplicationSchema.model_validate(document())


def test_every_reference_leads_somewhere() -> None:
    whole = document()
    assert len(references(whole)) > 100
    for ref in references(whole):
        assert found(whole, ref) is not None


def test_every_topic_of_a_cell_is_a_channel_with_its_settings() -> None:
    topics = {one["address"]: one for one in document()["channels"].values()}
    for layout in layouts(Topics(), replication=3, retention=Retention()):
        assert topics[layout.name]["bindings"]["kafka"]["partitions"] == layout.partitions
        assert topics[layout.name]["messages"]


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
def test_every_event_is_a_message_and_its_data_says_no_type(name: str) -> None:
    whole = document()
    assert f"event.{name}" in whole["channels"]["events"]["messages"]
    schema = whole["components"]["schemas"][name]
    fields = {one.encode_name for one in msgspec.structs.fields(EVENT_TYPES[name])}
    assert set(schema["properties"]) == fields
    assert set(schema["required"]) <= fields
