"""What every adapter of the keeping port must do. The family of its consumers is `reactors/`."""

from contextlib import AbstractAsyncContextManager

from interlock_eventlog.dead_letters import DeadLetter, DeadLetterReason
from interlock_eventlog.letter_keeping import LetterKeeper

FAMILY = "reactors/"


def passed_over(offset: int, **more: object) -> DeadLetter:
    """A letter with bytes that are no text."""
    known: dict[str, object] = {
        "topic": "t",
        "partition": 1,
        "offset": offset,
        "recorded_ms": 1_000 + offset,
        "reason": DeadLetterReason.BAD_JSON,
        "detail": "no JSON",
        "key": b"gateway/\xff",
        "headers": (("ce_id", b"\xfe"),),
        "value": b"{\x00\xff",
    }
    return DeadLetter(**(known | more))  # type: ignore[arg-type]


class LetterKeepingContract:
    """Subclass it as Test.. and give `opened`."""

    def opened(self) -> AbstractAsyncContextManager[LetterKeeper]:
        """An empty keeper of the family."""
        raise NotImplementedError

    async def test_a_letter_is_kept_as_it_came(self) -> None:
        async with self.opened() as keeper:
            bare = passed_over(6, key=None, value=None, headers=())
            await keeper.keep("reactors/requests", [passed_over(5), bare])
            first, second = await keeper.untold(9)
            assert (first.consumer, first.topic, first.partition, first.offset) == (
                "reactors/requests",
                "t",
                1,
                5,
            )
            assert (first.key, first.value, first.headers) == (
                b"gateway/\xff",
                b"{\x00\xff",
                (("ce_id", b"\xfe"),),
            )
            assert (first.reason, first.detail, first.recorded_ms) == ("bad_json", "no JSON", 1_005)
            assert (second.key, second.value, second.headers) == (None, None, ())

    async def test_what_comes_again_is_kept_once_for_each_consumer(self) -> None:
        async with self.opened() as keeper:
            await keeper.keep("reactors/requests", [passed_over(5)])
            await keeper.keep("reactors/requests", [passed_over(5), passed_over(6)])
            await keeper.keep("reactors/alerts", [passed_over(5)])
            found = [(one.consumer, one.offset) for one in await keeper.untold(9)]
            assert found == [("reactors/requests", 5), ("reactors/requests", 6), ("reactors/alerts", 5)]

    async def test_what_was_told_is_not_told_again_and_pages_go_on_behind_it(self) -> None:
        async with self.opened() as keeper:
            await keeper.keep("reactors/requests", [passed_over(n) for n in range(5)])
            page = await keeper.untold(2)
            assert [one.offset for one in page] == [0, 1]
            await keeper.told([one.id for one in page])
            await keeper.told([])
            assert [one.offset for one in await keeper.untold(9)] == [2, 3, 4]

    async def test_letters_of_others_are_none_of_its_business(self) -> None:
        async with self.opened() as keeper:
            await keeper.keep("routing-1", [passed_over(5)])
            assert await keeper.untold(9) == []

    async def test_a_detail_may_say_anything(self) -> None:
        async with self.opened() as keeper:
            await keeper.keep("reactors/requests", [passed_over(5, detail="nul \0 and \ud800")])
            assert len(await keeper.untold(9)) == 1
