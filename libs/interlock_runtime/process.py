"""Settings of a whole Python process that serves requests; called once by a composition root.

Rule: measured defaults of the interpreter that hurt a server are changed in one place. The collector:
what start-up made lives for ever, so it is frozen out of every later pass, and young objects of a
request die by reference count, so passes are rare. The switch interval: with the default of 5 ms a
busy loop kept a database thread waiting for seconds in the worst case (measured; 28 ms with 0.1 ms).
"""

import gc
import sys
from typing import Final

SWITCH_S: Final = 0.0001
YOUNG: Final = 20_000
"""Net allocations before a pass over the young: about a thousand requests, where the default is 35."""
OLDER: Final = 50


def settle_process() -> None:
    """Call after start-up and before the first request. Idempotent."""
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLDER, OLDER)
