"""What every keeper of dead letters must do. The adapter's test says how a letter gets in."""

from contextlib import AbstractAsyncContextManager

from interlock_eventlog.letters import KeptLetter, Letters, LetterState, Settling

BY_ALICE = Settling(state=LetterState.REPLAYED, by="alice", because="decoder mended", copy="t/0/9")
BY_BOB = Settling(state=LetterState.DROPPED, by="bob")


def letter(offset: int, **more: object) -> KeptLetter:
    """One that waits, with bytes that are no text."""
    known: dict[str, object] = {
        "id": 0,
        "consumer": "routing-1",
        "topic": "t",
        "partition": 0,
        "offset": offset,
        "recorded_ms": 1_000 + offset,
        "reason": "bad_json",
        "detail": "no JSON",
        "key": b"gateway/\xff",
        "headers": (("ce_id", b"\xfe"),),
        "value": b"{\x00\xff",
    }
    return KeptLetter(**(known | more))  # type: ignore[arg-type]


class LettersContract:
    """Subclass it as Test.. and give `opened` and `keep`."""

    def opened(self) -> AbstractAsyncContextManager[Letters]:
        """An empty keeper."""
        raise NotImplementedError

    async def keep(self, letters: Letters, one: KeptLetter) -> int:
        """Put a letter in, as a consumer does; its id."""
        raise NotImplementedError

    async def test_a_letter_is_given_back_as_it_came(self) -> None:
        async with self.opened() as letters:
            first = await self.keep(letters, letter(5))
            empty = await self.keep(letters, letter(6, key=None, value=None, headers=()))
            found = await letters.get(first)
            assert found is not None
            assert (found.id, found.offset, found.key, found.value) == (
                first,
                5,
                b"gateway/\xff",
                b"{\x00\xff",
            )
            assert found.headers == (("ce_id", b"\xfe"),)
            assert (found.state, found.changed_by, found.copy) == (LetterState.WAITING, None, None)
            bare = await letters.get(empty)
            assert bare is not None
            assert (bare.key, bare.value, bare.headers) == (None, None, ())
            assert await letters.get(empty + 1) is None

    async def test_pages_go_by_id_and_may_be_of_one_state(self) -> None:
        async with self.opened() as letters:
            ids = [await self.keep(letters, letter(n)) for n in range(5)]
            assert await letters.settle(ids[1], BY_BOB)
            assert [one.id for one in await letters.page(limit=2)] == ids[:2]
            assert [one.id for one in await letters.page(after=ids[1])] == ids[2:]
            waiting = await letters.page(state=LetterState.WAITING)
            assert [one.id for one in waiting] == [ids[0], *ids[2:]]
            assert [one.id for one in await letters.page(state=LetterState.DROPPED)] == [ids[1]]

    async def test_a_letter_is_settled_once_and_says_by_whom_and_why(self) -> None:
        async with self.opened() as letters:
            first = await self.keep(letters, letter(5))
            assert await letters.settle(first, BY_ALICE)
            assert not await letters.settle(first, BY_BOB)
            assert not await letters.settle(first + 1, BY_BOB)
            found = await letters.get(first)
            assert found is not None
            assert (found.state, found.changed_by) == (LetterState.REPLAYED, "alice")
            assert (found.changed_because, found.copy) == ("decoder mended", "t/0/9")

    async def test_only_what_is_older_is_forgotten(self) -> None:
        async with self.opened() as letters:
            for n in range(4):
                await self.keep(letters, letter(n))
            assert await letters.prune(1_002) == 2
            assert [one.offset for one in await letters.page()] == [2, 3]
