"""`interlock drain`: no new requests, running ones finish."""

from interlock_cli.change import Subject, set_state
from interlock_cli.options import DEFAULT_DATA_DIR, DataDir, For, InPool, Output, OutputOption, Reason, Url


def command(
    id: Subject,
    pool: InPool = None,
    duration: For = None,
    reason: Reason = None,
    output: OutputOption = Output.TABLE,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
) -> None:
    """No new requests for a target, provider, pool or member; running ones finish.

    Examples:
      interlock drain atlas/large --for 1h --reason "maintenance"
      interlock drain atlas/large --pool chat
    """
    wanted = {"state": "drained", "reason": reason, "expires_in": duration}
    set_state(id, wanted, pool=pool, output=output, data_dir=data_dir, url=url)
