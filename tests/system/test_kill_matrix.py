"""The kill matrix at small scale: each part of a cluster is killed and stopped once under load."""

from pathlib import Path
from typing import Final

import msgspec
import pytest

from interlock_testing.services.tiers import LocalKafka, LocalPostgres
from tests.drills.kill_matrix import Drill, Options, Progress, name_of, resumed
from tests.drills.rig.book import IN_TIME
from tests.drills.rig.kinds import BROKERS, Kind, Way
from tests.drills.rig.rounds import ALONE, Pace, Round

QUICK: Final = Pace(stop_s=2.0, down_s=(0.1, 0.3), quiet_s=0.2, ask_s=0.15, speak_s=0.25)
"""Long enough to be noticed; only a lease that has to run out takes longer."""


async def struck_once(brokers: int, folder: Path, kafka: LocalKafka, postgres: LocalPostgres) -> Drill:
    """Every kind of that cell in every way, and what must hold after each."""
    kinds = tuple(kind for kind in Kind if BROKERS[kind] == brokers)
    options = Options(seed=7, rounds=1, kinds=kinds, gateways=2, pace=QUICK)
    drill = Drill(options, folder, Progress(seed=7), kafka=kafka, postgres=postgres)
    findings = await drill.run()
    # A second more or less says nothing while other tests keep the machine busy.
    missed = [name for name, held in findings.checks.items() if not held and name != IN_TIME]
    assert not [name for name in missed if not name.startswith("every round of")], findings.missed
    assert findings.counts["rounds"] == len(kinds) * len(Way)
    assert findings.counts["client errors"] == 0
    for name in ("requests served", "words answered", "snapshots in force"):
        assert findings.counts[name] > 0, name
    assert (folder / "progress.json").exists()
    return drill


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_whatever_is_killed_or_stopped_nothing_is_lost_and_clients_do_not_notice(
    tmp_path: Path, local_kafka: LocalKafka, local_postgres: LocalPostgres
):
    drill = await struck_once(1, tmp_path, local_kafka, local_postgres)
    assert drill.findings.checks[ALONE]


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_one_broker_of_three_may_be_killed_or_stopped_and_everything_goes_on(
    tmp_path: Path, local_kafka: LocalKafka, local_postgres: LocalPostgres
):
    await struck_once(3, tmp_path, local_kafka, local_postgres)


def test_a_run_that_was_broken_off_goes_on_and_another_seed_or_a_finished_one_begins_anew(tmp_path: Path):
    options = Options(seed=7, rounds=2, kinds=(Kind.RELAY,))
    half = Progress(seed=7, rounds={name_of(Kind.RELAY, Way.KILL): [Round(whole_s=1.5)]})
    (tmp_path / "progress.json").write_bytes(msgspec.json.encode(half))
    assert resumed(tmp_path, options) == half
    assert resumed(tmp_path, msgspec.structs.replace(options, seed=8)) == Progress(seed=8)
    whole = Progress(seed=7, rounds={name_of(Kind.RELAY, way): [Round(), Round()] for way in Way})
    (tmp_path / "progress.json").write_bytes(msgspec.json.encode(whole))
    assert resumed(tmp_path, options) == Progress(seed=7)
