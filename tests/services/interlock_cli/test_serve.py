"""`interlock serve`: which service, with which options."""

import pytest

from interlock_cli.main import run


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["projector", "--workers", "2"], "--workers says nothing to the projector"),
        (["gateway", "-f", "x.yaml"], "--config says nothing to the gateway"),
    ],
)
def test_an_option_of_another_service_is_refused(words, sentence, capsys):
    with pytest.raises(SystemExit) as ended:
        run(["serve", *words])
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


def test_help_names_every_service(capsys):
    with pytest.raises(SystemExit) as ended:
        run(["serve", "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert all(name in told for name in ("gateway", "projector", "control", "reactors"))
