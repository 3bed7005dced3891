"""The silence of the state feed: told once, its end too, and by nothing but our own clock."""

from interlock_domain.rows import CommitRow
from interlock_reactors.stale import Silence


def commit(position: int, *, generation: int = 1, epoch: int = 1) -> CommitRow:
    return CommitRow(generation=generation, epoch=epoch, position=position, log_ms=position, digest="0" * 32)


def test_commits_keep_it_quiet():
    silence = Silence("interlock", 0.0, stale_s=15)
    for now in range(100):
        assert silence.commit(commit(5), float(now)) is None
        assert silence.look(now + 14.9) is None


def test_a_silence_is_told_once_and_its_end_once():
    silence = Silence("interlock", 0.0, stale_s=15)
    silence.commit(commit(5), 1.0)
    assert silence.look(15.9) is None
    told = silence.look(16.0)
    assert told is not None
    assert (told.id, told.word, silence.stale) == ("stale:g1:5", "stale", True)
    assert silence.look(99.0) is None
    over = silence.commit(commit(6), 100.0)
    assert over is not None
    assert (over.id, silence.stale) == ("stale:g1:5:over", False)
    assert silence.commit(commit(7), 101.0) is None
    again = silence.look(200.0)
    assert again is not None
    assert again.id == "stale:g1:7"


def test_a_replaced_owners_commits_are_no_sign_of_life():
    silence = Silence("interlock", 0.0, stale_s=15)
    silence.commit(commit(9, epoch=2), 1.0)
    assert silence.commit(commit(9, epoch=1), 10.0) is None
    assert silence.look(16.0) is not None
    assert silence.commit(commit(99, epoch=1), 17.0) is None
    assert silence.commit(commit(1, generation=2), 18.0) is not None
