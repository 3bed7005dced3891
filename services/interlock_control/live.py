"""The present as a scene: the live state with its snapshot, compiled once per position.

Rule: what is shown is the state at one position, and the answer says which. The live state is only read
between two records, since both its fold and these answers run on one loop and neither waits in between.
"""

from interlock_control.scene import Scene, scene_of
from interlock_domain.snapshot.snapshot import Snapshot
from interlock_views.live import RoutingState


class LiveScenes:
    """Scenes of a running projection."""

    def __init__(self, routing: RoutingState) -> None:
        self._routing = routing
        self._position = -1
        self._snapshot: Snapshot | None = None

    def scene(self) -> Scene:
        """The state as it stands; not to be kept across an await."""
        state, as_of_ms = self._routing.current()
        known = self._snapshot if state.position == self._position else None
        scene = scene_of(state, as_of_ms, generation=self._routing.status().generation, known=known)
        self._position, self._snapshot = state.position, scene.snapshot
        return scene
