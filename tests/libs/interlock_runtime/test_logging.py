"""One line per record, for people and for machines."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from interlock_runtime.logging import set_up_logging


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:], logging.root.level = handlers, level


def test_a_machine_reads_one_object_per_line() -> None:
    stream = io.StringIO()
    set_up_logging("INFO", stream)
    logging.getLogger("interlock_gateway").info("took\nover %s", "x", extra={"target": "local/a"})
    (line,) = stream.getvalue().splitlines()
    record = json.loads(line)
    assert record.pop("time").endswith("+00:00")
    assert record == {
        "level": "info",
        "logger": "interlock_gateway",
        "message": "took\nover x",
        "target": "local/a",
    }


def test_a_person_reads_plain_text() -> None:
    stream = Terminal()
    set_up_logging("INFO", stream)
    logging.getLogger("interlock_gateway").warning("two\nlines", extra={"target": "local/a"})
    (line,) = stream.getvalue().splitlines()
    assert line[8:] == " warning interlock_gateway: two\\nlines target=local/a"


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_an_exception_stays_on_its_line(stream: io.StringIO) -> None:
    set_up_logging("INFO", stream)
    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger("x").exception("failed")
    (line,) = stream.getvalue().splitlines()
    assert "ValueError: boom" in line


def test_the_level_holds_and_talkative_libraries_are_quieter() -> None:
    stream = io.StringIO()
    set_up_logging("INFO", stream)
    logging.getLogger("x").debug("no")
    logging.getLogger("httpx").info("no")
    logging.getLogger("httpx").warning("yes")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["yes"]


def test_setting_up_again_replaces_what_was_there() -> None:
    first, second = io.StringIO(), io.StringIO()
    set_up_logging("INFO", first)
    set_up_logging("ERROR", second)
    logging.getLogger("x").error("once")
    assert (first.getvalue(), second.getvalue().count("once")) == ("", 1)


def test_the_stream_is_standard_error_when_none_is_given() -> None:
    set_up_logging("INFO")
    assert len(logging.root.handlers) == 1
