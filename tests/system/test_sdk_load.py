"""The judge of the outage drills can say no: without a gateway, a stream cut in order looks like success."""

import pytest

from interlock_testing.answers import text
from interlock_testing.behaviour import Behaviour, cut, fail, healthy
from interlock_testing.upstream import SimulatedProvider
from tests.drills.rig.sdk import Ending, Load, SdkLoad


@pytest.mark.parametrize(
    ("behaviour", "whole", "streamed"),
    [
        (healthy(chunks=5), Ending.ANSWERED, Ending.ANSWERED),
        (cut(clean=True), Ending.RAISED_BEFORE_CONTENT, Ending.LOOKS_LIKE_SUCCESS),
        (cut(), Ending.RAISED_BEFORE_CONTENT, Ending.RAISED_AFTER_CONTENT),
        (fail(503), Ending.RAISED_BEFORE_CONTENT, Ending.RAISED_BEFORE_CONTENT),
    ],
)
async def test_each_call_is_judged_as_its_user_sees_it(behaviour: Behaviour, whole: Ending, streamed: Ending):
    async with SimulatedProvider("atlas", behaviour) as atlas:
        load = Load(model="large", per_second=50, seconds=0.08, texts={text("atlas", 5)})
        sdk = SdkLoad(atlas.url.removesuffix("/v1"), load)
        await sdk.run()
    assert {call.ending for call in sdk.calls if not call.stream} == {whole}, sdk.calls
    assert {call.ending for call in sdk.calls if call.stream} == {streamed}, sdk.calls
