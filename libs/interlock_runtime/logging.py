"""Logging set-up: standard library logging, one line per record, plain for people and JSON for machines.

Rule: a record is one line, whatever it holds, so that a line collector never splits one. The stream's own
nature decides the form: a terminal gets text, everything else JSON. Loggers are named after the package.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final, TextIO

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_NOISY: Final = {
    "uvicorn": logging.WARNING,
    "httpx": logging.WARNING,
    "aiokafka": logging.CRITICAL,
    "opentelemetry": logging.CRITICAL,
}
"""Talkative libraries: they say per request or per poll what our own records and metrics say once. aiokafka
and OpenTelemetry call each try of an outage an error; what they raise or answer, we tell in one sentence."""


def set_up_logging(level: str, stream: TextIO | None = None) -> None:
    """Send all records to one stream (standard error); replaces what an earlier call set up."""
    stream = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(stream)
    handler.setFormatter(PlainLine() if stream.isatty() else JsonLine())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level)
    for name, quiet in _NOISY.items():
        logging.getLogger(name).setLevel(max(quiet, logging.root.level))


class PlainLine(logging.Formatter):
    """`14:02:11 warning interlock.gateway: text key=value`."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        extra = "".join(f" {key}={value}" for key, value in _extra(record).items())
        text = f"{time} {record.levelname.lower()} {record.name}: {record.getMessage()}{extra}"
        return _one_line(text + _trace(self, record, " | "))


class JsonLine(logging.Formatter):
    """One JSON object with `time`, `level`, `logger`, `message` and whatever was given as extra."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_extra(record),
        }
        trace = _trace(self, record, "")
        if trace:
            line["trace"] = trace
        return json.dumps(line, default=str, ensure_ascii=False)


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def _trace(formatter: logging.Formatter, record: logging.LogRecord, before: str) -> str:
    return before + formatter.formatException(record.exc_info) if record.exc_info else ""


def _one_line(text: str) -> str:
    return text.replace("\r", "\\r").replace("\n", "\\n")
