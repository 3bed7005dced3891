"""The same search by atheris, which bends inputs towards branches of the code that none has taken yet.

A process of its own: libFuzzer ends it, and only what was written down by then is known. Its corpus stays in
the folder, so the next run begins where this one ended.

    python -m tests.drills.rig.fuzz_atheris "waits" reports/tmp/fuzz 60
"""

import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any, Final

import msgspec

from tests.drills.rig.fuzz_input import Target, file_name
from tests.drills.rig.fuzzing import LONGEST_INPUT, Recorder, resident_mb

TELL_EVERY_S: Final = 1.0
"""What is not written when libFuzzer ends the process is lost."""
PACKAGES: Final = ["interlock_protocols", "interlock_upstream"]


def main() -> None:
    """Search until libFuzzer's time is over."""
    atheris: Any = __import__("atheris")  # absent from most environments, and without types
    name, folder, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    with atheris.instrument_imports(include=PACKAGES, enable_loader_override=False):
        from tests.drills.rig.fuzz_all import TARGETS
    target = next(one for one in TARGETS if one.name == name)
    corpus = folder / "corpus" / file_name(name)
    corpus.mkdir(parents=True, exist_ok=True)
    for n, seed in enumerate(target.seeds()):
        (corpus / f"seed-{n}").write_bytes(seed[:LONGEST_INPUT])
    words = folder / f"{file_name(name)}.dict"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words if word), encoding="ascii")
    flags = [
        f"-max_total_time={seconds:.0f}",
        f"-max_len={LONGEST_INPUT}",
        f"-dict={words}",
        "-print_final_stats=0",
    ]
    flags += ["-verbosity=0", "-rss_limit_mb=2048", f"-artifact_prefix={folder}/"]
    atheris.Setup([sys.argv[0], *flags, str(corpus)], _told(target, folder, corpus))
    atheris.Fuzz()


def _told(target: Target, folder: Path, corpus: Path) -> Callable[[bytes], None]:
    """One input, and now and then what came of all so far."""
    recorder = Recorder(target, folder / "findings")
    out = folder / f"{file_name(target.name)}.json"
    last, begun_mb = monotonic(), resident_mb()

    def run(data: bytes) -> None:
        nonlocal last, begun_mb
        recorder.run(data)
        searched = recorder.searched
        if searched.inputs == 1_000:
            begun_mb = resident_mb()
        if monotonic() - last > TELL_EVERY_S or (searched.findings and searched.inputs < 1_000):
            last = monotonic()
            searched.ways = sum(1 for _ in corpus.iterdir())
            searched.grown_mb = round(resident_mb() - begun_mb, 1)
            out.write_bytes(msgspec.json.encode(searched))

    return run


def _escaped(word: bytes) -> str:
    return "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in word[:64]
    )


if __name__ == "__main__":
    main()
