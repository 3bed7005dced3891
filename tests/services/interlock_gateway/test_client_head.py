"""What a connection remembers of its client: nothing that the next request on it does not say again."""

from hashlib import sha256

from interlock_gateway.client_head import TARGETS_KEPT, Memory
from interlock_testing.misbehave import MisbehavingServer, always
from interlock_testing.running import CHAT, asking, declaring, running
from tests.services.interlock_gateway.wire import ANSWER, connected, request, whole

ONE, OTHER = "il-canary-of-team-a", "il-canary-of-team-b"


def keys(*names: str) -> str:
    listed = [f"  - {{name: {name}, sha256: '{sha256(name.encode()).hexdigest()}'}}" for name in names]
    return "\n".join(["keys:", *listed])


async def test_each_request_on_a_connection_is_judged_by_its_own_key(atlas):
    none: dict[str, str] = {}
    right, wrong = {"x-api-key": ONE}, {"x-api-key": OTHER}
    async with (
        running(declaring({"atlas": atlas.url}, more=keys(ONE))) as loop,
        connected(loop.gateway.port) as raw,
    ):
        found = []
        for head in (right, right, wrong, right, none, none, right):
            await raw.send(request(headers=head))
            found.append((await raw.answer())[0])
    assert found == [200, 200, 401, 200, 401, 401, 200]


async def test_a_key_that_is_taken_away_opens_nothing_on_a_connection_it_has_opened(atlas):
    config = declaring({"atlas": atlas.url}, more=keys(ONE, OTHER))
    async with running(config) as loop, connected(loop.gateway.port) as raw:
        await raw.send(request(headers={"x-api-key": ONE}))
        before = (await raw.answer())[0]
        await loop.apply(declaring({"atlas": atlas.url}, more=keys(OTHER)), allow_removal=True)
        await loop.settle()
        await raw.send(request(headers={"x-api-key": ONE}))
        assert (before, (await raw.answer())[0]) == (200, 401)


async def test_an_upstream_gets_the_headers_of_each_request_and_the_targets_own_as_they_are_now():
    async with MisbehavingServer(always(whole(ANSWER))) as upstream:
        plain = declaring({"atlas": upstream.url})
        named = plain.replace("api_key: none", "api_key: none, headers: {x-tenant: blue}")
        async with running(plain) as loop, connected(loop.gateway.port) as raw:
            for trace in ("1", "1", "2"):
                await raw.send(request(headers={"x-trace": trace}))
                assert (await raw.answer())[0] == 200
            await loop.apply(named)
            await loop.settle()
            await raw.send(request(headers={"x-trace": "2"}))
            assert (await raw.answer())[0] == 200
        heads = [asked.partition(b"\r\n\r\n")[0] for asked in upstream.requests]
    assert [head.partition(b"x-trace: ")[2][:1] for head in heads] == [b"1", b"1", b"2", b"2"]
    assert [b"x-tenant: blue" in head for head in heads] == [False, False, False, True]


async def test_the_record_names_what_was_changed_on_a_connection_that_repeats_itself(atlas):
    async with running(declaring({"atlas": atlas.url})) as loop:
        answers = [
            await loop.http.post(CHAT, headers=head, content=asking())
            for head in ({"x-api-key": ONE}, {"x-api-key": ONE}, {}, {"cookie": "a=b"})
        ]
        names = [(await loop.record(answer)).attempts[0].headers for answer in answers]
    shown = [set(each) - {"accept-encoding"} for each in names]
    assert shown == [{"x-api-key"}, {"x-api-key"}, set(), {"cookie"}]


def test_only_the_length_may_differ_in_a_head_that_is_known():
    memory = Memory()
    first = memory.head([(b"host", b"a"), (b"content-length", b"10")])
    assert memory.head([(b"host", b"a"), (b"content-length", b"12")]) is first
    assert memory.head([(b"host", b"b"), (b"content-length", b"12")]) is not first
    assert memory.head([(b"host", b"a"), (b"content-length", b"10")]) is not first  # the last one alone


async def test_what_is_remembered_of_many_targets_is_bounded():
    providers = {f"p{n}": "http://127.0.0.1:9" for n in range(TARGETS_KEPT + 2)}
    async with running(declaring(providers)) as loop:
        gateway = loop.gateway.service.gateway
        held = gateway.follow.held
        assert held is not None
        head = Memory().head([(b"user-agent", b"x")])
        calls = [gateway.calls.of(target, b"/chat/completions") for target in held.snapshot.targets.values()]
        kept = []
        for call in calls:
            assert call is not None
            assert head.forwarded(call).lines == b"user-agent: x\r\n"
            kept.append(len(head._forwarded))
    assert max(kept) == TARGETS_KEPT
