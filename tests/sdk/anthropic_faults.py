"""Failures of every class: refusals, errors inside a 200, answers that break off, and what is retried."""

from collections.abc import Callable
from typing import Any, Final

from tests.sdk import anthropic_messages, anthropic_streams
from tests.sdk.asking import HELLO
from tests.sdk.case import Cases, Run, Use
from tests.sdk.faults import HELPED, RETRIED, STATUSES, STREAM_STATUSES, STREAMS, WHOLE
from tests.sdk.shown import shown

case: Final = Cases()


def _calling(call: Callable[[Use], Any]) -> Run:
    async def run(use: Use) -> Any:
        return await call(use)

    return run


async def _count(use: Use) -> Any:
    return shown(await use.got(use.client.messages.count_tokens(model=use.model, messages=HELLO)))


for _fault in STATUSES:
    case.add(f"refused/{_fault}", _calling(anthropic_messages.message))
for _fault in STREAM_STATUSES:
    case.add(f"refused-stream/{_fault}", _calling(anthropic_streams.streamed))
for _fault in WHOLE:
    case.add(f"broken/{_fault}", _calling(anthropic_messages.message))
for _fault in STREAMS:
    case.add(f"broken-stream/{_fault}", _calling(anthropic_streams.streamed))
for _fault in HELPED:
    case.add(f"broken-helper/{_fault}", _calling(anthropic_streams.helped))
case.add("refused-count/400", _count)
case.add("refused-count/404", _count)


async def _retried(use: Use) -> Any:
    client = use.made(max_retries=2)
    return shown(await use.got(client.messages.create(model=use.model, max_tokens=64, messages=HELLO)))


for _fault in RETRIED:
    case.add(f"retried/{_fault}", _retried)
