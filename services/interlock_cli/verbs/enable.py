"""`interlock enable`: undo a drain or a disable."""

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
    """Undo a drain or a disable of a target, provider, pool or member.

    Examples:
      interlock enable atlas/large --reason "maintenance is over"
      interlock enable atlas/large --pool chat
    """
    wanted = {"state": "enabled", "reason": reason, "expires_in": duration}
    set_state(id, wanted, pool=pool, output=output, data_dir=data_dir, url=url)
