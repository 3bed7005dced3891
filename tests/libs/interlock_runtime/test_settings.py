"""Process settings from the environment."""

import pytest

from interlock_runtime.settings import RuntimeSettings, SettingsProblem, host_id, misspelt, runtime_settings


def test_nothing_set_is_a_run_on_one_machine() -> None:
    assert runtime_settings({}, host="laptop") == RuntimeSettings(gateway_id="laptop")


def test_every_variable_is_read() -> None:
    settings = runtime_settings(
        {
            "INTERLOCK_DATA_DIR": "/data",
            "INTERLOCK_DATABASE_URL": "postgresql://u@h:5432/db",
            "INTERLOCK_FEED": "http://control:8081",
            "INTERLOCK_KAFKA_BOOTSTRAP": "a:9092,b:9092",
            "INTERLOCK_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "INTERLOCK_KAFKA_SASL_MECHANISM": "PLAIN",
            "INTERLOCK_KAFKA_SASL_USERNAME": "u",
            "INTERLOCK_KAFKA_SASL_PASSWORD": "p",
            "INTERLOCK_KAFKA_CA": "/ca.pem",
            "INTERLOCK_TOPIC_PREFIX": "blue",
            "INTERLOCK_GATEWAY_ID": "gw-1",
            "INTERLOCK_ADMIN_TOKEN": "t",
            "INTERLOCK_CONTROL_URL": "http://control:8081",
            "INTERLOCK_OPEN": "1",
            "INTERLOCK_LOG_LEVEL": "debug",
            "PATH": "/bin",
        }
    )
    assert settings == RuntimeSettings(
        data_dir="/data",
        database_url="postgresql://u@h:5432/db",
        feed="http://control:8081",
        kafka_bootstrap=("a:9092", "b:9092"),
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="PLAIN",
        kafka_sasl_username="u",
        kafka_sasl_password="p",
        kafka_ca="/ca.pem",
        topic_prefix="blue",
        gateway_id="gw-1",
        admin_token="t",
        control_url="http://control:8081",
        open=True,
        log_level="DEBUG",
    )


def test_all_mistakes_are_told_at_once() -> None:
    problems = runtime_settings({"INTERLOCK_LOG_LEVEL": "loud", "INTERLOCK_KAFKA_BOOTSTRAP": "a"})
    assert isinstance(problems, tuple)
    assert [str(problem) for problem in problems] == [
        "INTERLOCK_KAFKA_BOOTSTRAP: wants host:port, several with commas",
        "INTERLOCK_LOG_LEVEL: wants DEBUG, INFO, WARNING, ERROR",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://h"),
        ("FEED", "nats"),
        ("KAFKA_SECURITY_PROTOCOL", "TLS"),
        ("KAFKA_SASL_MECHANISM", "X"),
        ("TOPIC_PREFIX", "two words"),
        ("GATEWAY_ID", "two words"),
        ("CONTROL_URL", "control:8081"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(name: str, value: str) -> None:
    problems = runtime_settings({f"INTERLOCK_{name}": value})
    assert isinstance(problems, tuple)
    assert problems[0].variable == f"INTERLOCK_{name}"


def test_given_sasl_without_name_and_password_then_both_are_asked_for() -> None:
    problems = runtime_settings({"INTERLOCK_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"})
    assert problems == (
        SettingsProblem("INTERLOCK_KAFKA_SASL_USERNAME", "SASL_PLAINTEXT needs it"),
        SettingsProblem("INTERLOCK_KAFKA_SASL_PASSWORD", "SASL_PLAINTEXT needs it"),
    )


def test_a_secret_may_stand_in_a_file_and_then_behaves_as_if_it_were_set(tmp_path) -> None:
    (tmp_path / "password").write_text("p\n")
    (tmp_path / "url").write_text("postgresql://u:w@h/db\n")
    settings = runtime_settings(
        {
            "INTERLOCK_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "INTERLOCK_KAFKA_SASL_USERNAME": "u",
            "INTERLOCK_KAFKA_SASL_PASSWORD_FILE": str(tmp_path / "password"),
            "INTERLOCK_DATABASE_URL_FILE": str(tmp_path / "url"),
        }
    )
    assert isinstance(settings, RuntimeSettings)
    assert (settings.kafka_sasl_password, settings.database_url) == ("p", "postgresql://u:w@h/db")


@pytest.mark.parametrize(
    ("content", "more", "said"),
    [
        (None, {}, "cannot be read: no such file or directory"),
        (b"", {}, "is empty"),
        (b"\xff\xfe", {}, "cannot be read: it holds no text"),
        (b"p", {"INTERLOCK_KAFKA_SASL_PASSWORD": "q"}, "set it or INTERLOCK_KAFKA_SASL_PASSWORD, not both"),
    ],
)
def test_a_file_that_gives_no_secret_is_refused_by_name(tmp_path, content, more, said) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    problems = runtime_settings({"INTERLOCK_KAFKA_SASL_PASSWORD_FILE": str(path)} | more)
    assert isinstance(problems, tuple)
    assert problems[0].variable == "INTERLOCK_KAFKA_SASL_PASSWORD_FILE"
    assert problems[0].message.endswith(said)


def test_what_a_file_holds_is_judged_and_never_shown(tmp_path) -> None:
    (tmp_path / "url").write_text("mysql://canary@h")
    problems = runtime_settings({"INTERLOCK_DATABASE_URL_FILE": str(tmp_path / "url")})
    assert isinstance(problems, tuple)
    assert [one.variable for one in problems] == ["INTERLOCK_DATABASE_URL"]
    assert "canary" not in str(problems[0])


def test_an_empty_variable_counts_as_not_set() -> None:
    assert runtime_settings({"INTERLOCK_LOG_LEVEL": ""}, host="h") == RuntimeSettings(gateway_id="h")


def test_a_misspelt_variable_is_worth_a_warning_and_foreign_ones_are_not() -> None:
    environ = {
        "INTERLOCK_LOGLEVEL": "x",
        "INTERLOCK_LOG_LEVEL": "INFO",
        "INTERLOCK_CONTROL_PORT": "tcp://10.0.0.1:8081",
        "INTERLOCK_CONTROL_SERVICE_HOST": "10.0.0.1",
        "LOGLEVEL": "x",
    }
    assert misspelt(environ) == (
        SettingsProblem("INTERLOCK_LOGLEVEL", "no such variable. Did you mean INTERLOCK_LOG_LEVEL?"),
    )


def test_a_host_name_becomes_an_id() -> None:
    assert [host_id(host) for host in ("web-1.example", "my laptop", "")] == [
        "web-1.example",
        "my-laptop",
        "gateway",
    ]
    assert isinstance(runtime_settings({}), RuntimeSettings)


def test_settings_do_not_show_their_secrets() -> None:
    settings = RuntimeSettings(
        gateway_id="g", admin_token="hush", kafka_sasl_password="hush", database_url="hush"
    )
    assert "hush" not in f"{settings!r} {settings}"
