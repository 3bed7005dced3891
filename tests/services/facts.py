"""What gateways tell, as tests tell it: facts of one worker with its sequence, and a small configuration."""

from interlock_domain.catalog.commands import ApplyConfig
from interlock_domain.catalog.config import Config, config_digest, parse_config
from interlock_domain.events import AttemptFailed, AttemptSucceeded, Fact, GatewayReported
from interlock_domain.recorded import NewEvent, Source
from interlock_domain.words import FailureClass, Phase

CONFIG = {
    "providers": {
        "atlas": {"base_url": "http://127.0.0.1:9001/v1", "api_key": "none"},
        "breeze": {"base_url": "http://127.0.0.1:9002/v1", "api_key": "none"},
    },
    "pools": {"chat": ["atlas/large", "breeze/org/large"], "other": ["breeze/org/large"]},
}
CONFIG_TEXT = """
providers:
  atlas: {base_url: "http://127.0.0.1:9001/v1", api_key: none}
  breeze: {base_url: "http://127.0.0.1:9002/v1", api_key: none}
pools:
  chat: [atlas/large, breeze/org/large]
  other: [breeze/org/large]
"""


def apply_config(raw: object = CONFIG) -> ApplyConfig:
    """The command that declares it."""
    config = parse_config(raw)
    assert isinstance(config, Config), config
    return ApplyConfig(config=config, digest=config_digest(raw), origin="api")


class Worker:
    """One boot of one gateway's worker: numbers its facts."""

    def __init__(self, gateway: str = "gw-1", boot: str = "b1") -> None:
        self.gateway = gateway
        self.boot = boot
        self.stream = f"gateway/{gateway}"
        self._seq = 0

    def fact(self, event: Fact) -> NewEvent:
        """The fact with its identity."""
        self._seq += 1
        return NewEvent(
            id=f"{self.gateway}-{self.boot}-{self._seq}",
            event=event,
            source=Source(gateway=self.gateway, boot=self.boot, seq=self._seq),
        )

    def report(
        self, *, fingerprints: dict[str, str] | None = None, pools: tuple[str, ...] = ("chat",)
    ) -> NewEvent:
        """A sign of life."""
        return self.fact(GatewayReported(moment="running", fingerprints=fingerprints or {}, pools=pools))

    def failed(
        self,
        target: str = "atlas/large",
        *,
        failure: FailureClass = FailureClass.SERVER_ERROR,
        status: int = 500,
    ) -> NewEvent:
        """An attempt that failed after its headers."""
        event = AttemptFailed(
            request=f"r{self._seq + 1}",
            attempt=1,
            pool="chat",
            target=target,
            shape="text",
            failure=failure,
            phase=Phase.PREAMBLE,
            status=status,
        )
        return self.fact(event)

    def succeeded(self, target: str = "atlas/large", *, probe: bool = False) -> NewEvent:
        """An attempt that succeeded and is told at once."""
        event = AttemptSucceeded(
            request=f"r{self._seq + 1}", attempt=1, pool="chat", target=target, shape="text", probe=probe
        )
        return self.fact(event)
