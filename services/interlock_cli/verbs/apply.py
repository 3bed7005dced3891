"""`interlock apply`: a file becomes the configuration."""

from interlock_cli.connect import writing
from interlock_cli.difference import DEFAULT_FILE, AllowRemoval, ConfigFile, lines, text_of
from interlock_cli.options import DEFAULT_DATA_DIR, DataDir, Output, OutputOption, Reason, Url
from interlock_cli.refusal import Refusal
from interlock_cli.screen import print_json


def command(
    file: ConfigFile = DEFAULT_FILE,
    allow_removal: AllowRemoval = False,
    reason: Reason = None,
    output: OutputOption = Output.TABLE,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    url: Url = None,
) -> None:
    """Make a file the configuration, on the revision whose changes are printed; a newer one refuses it.

    Examples:
      interlock apply -f interlock.yaml --reason "new region"
      interlock apply -f interlock.yaml --allow-removal
    """
    text = text_of(file)
    with writing(data_dir, url) as control:
        plan = control.post("/config/plan", text, allow_removal=allow_removal)
        if output is not Output.JSON:
            for line in lines(plan):
                print(line)
        if plan["refused"]:
            raise Refusal(plan["refused"])
        if not plan["changed"]:
            answer = {"revision": plan["revision"], "changed": False}
            sentence = f"no change: revision {plan['revision']} says the same"
        else:
            answer = control.post(
                "/config/apply",
                text,
                if_match=plan["revision"],
                allow_removal=allow_removal,
                reason=reason,
            )
            control.get("/events", limit=1, min_position=answer["position"])
            sentence = f"revision {answer['revision']} is in force  (event {answer['position']})"
    if output is Output.JSON:
        print_json(answer)
    else:
        print(sentence)
