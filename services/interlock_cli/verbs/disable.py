"""`interlock disable`: out of use until enabled again."""

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
    """Take a target, provider, pool or member out of use until it is enabled again.

    Examples:
      interlock disable breeze --reason "contract ended"
      interlock disable atlas/large --pool chat
    """
    wanted = {"state": "disabled", "reason": reason, "expires_in": duration}
    set_state(id, wanted, pool=pool, output=output, data_dir=data_dir, url=url)
