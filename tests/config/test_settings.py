"""Settings: defaults, allowed values, secrets in files and the messages for invalid variables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.config import LAUNCH_VARIABLES, ConfigurationError, Settings, read_settings

ROOT = Path(__file__).parents[2]
VARIABLES = [str(field.validation_alias) for field in Settings.model_fields.values()]


def problems(**environment: str) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        read_settings(environment)
    return str(refused.value).splitlines()


def test_settings_have_one_described_variable_each() -> None:
    assert len(set(VARIABLES)) == len(VARIABLES)
    assert all(field.description for field in Settings.model_fields.values())
    assert not LAUNCH_VARIABLES & set(VARIABLES)


def test_defaults_are_used_when_the_environment_is_empty() -> None:
    settings = read_settings({})

    for name, field in Settings.model_fields.items():
        assert getattr(settings, name) == field.default, name


def test_defaults_are_used_when_variables_are_empty() -> None:
    assert read_settings(dict.fromkeys(VARIABLES, "")) == read_settings({})


def test_settings_are_read_from_their_variables() -> None:
    settings = read_settings(
        {
            "REDIS_URL": "rediss://:secret@host:1/2",
            "PYXEC_LEASE_SECONDS": "1",
            "PYXEC_REDIS_TIMEOUT_SECONDS": "0.5",
            "PYXEC_POOL_FLOOR": "0",
            "PYXEC_ANONYMOUS": "off",
            "PYXEC_TRUSTED_PROXIES": "10.0.0.0/8, unix",
            "PYXEC_ALLOWED_ORIGINS": "https://a.example,http://b.example:81",
            "PATH": "/bin",
        }
    )

    assert settings.redis_url == "rediss://:secret@host:1/2"
    assert (settings.lease_seconds, settings.pool_floor, settings.anonymous) == (1, 0, False)
    assert settings.trusted_proxies == {"10.0.0.0/8", "unix"}
    assert settings.allowed_origins == {"https://a.example", "http://b.example:81"}


def test_settings_are_read_from_the_process_environment_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYXEC_MAX_BACKLOG", "7")

    assert read_settings().max_backlog == 7


def test_message_lists_every_invalid_variable() -> None:
    lines = problems(
        REDIS_URL="http://host", PYXEC_NAMESPACE="a{b}", PYXEC_MAX_BACKLOG="many", PYXEC_LEASE_SECONDS="0",
        PYXEC_CONTAINER_RUNTIME="docker", PYXEC_TYPO="1", PYXEC_RATE_BURST="10",
    )  # fmt: skip

    assert lines == [
        "PYXEC_CONTAINER_RUNTIME='docker': must be one of runc, crun, kata",
        "PYXEC_LEASE_SECONDS='0': must be a number between 1 and 600",
        "PYXEC_MAX_BACKLOG='many': must be an integer between 1 and 100000000",
        "PYXEC_NAMESPACE='a{b}': must consist of letters, digits, '-' and '_'",
        "PYXEC_TYPO: there is no such setting",
        "REDIS_URL: must start with redis://, rediss://, unix://, sentinel:// or sentinels://",
    ]


@pytest.mark.parametrize(
    ("variable", "values"),
    [
        ("PYXEC_MAX_BACKLOG", ["0", "-1", "1.5", "1e3", "100000001", "ten", " "]),
        ("PYXEC_LEASE_SECONDS", ["0.9", "601", "nan", "inf", "-inf", "15s"]),
        ("PYXEC_MAX_WAIT_SECONDS", ["-1", "3601", "nan"]),
        ("PYXEC_ANONYMOUS", ["yes", "true", "1", "ON"]),
        ("PYXEC_NAMESPACE", ["a b", "a:b", "{a}", "-", "a*"]),
        ("PYXEC_TRUSTED_PROXIES", ["localhost", "10.0.0.1/8", "10.0.0.0/8 10.1.0.0/16"]),
        ("PYXEC_ALLOWED_ORIGINS", ["example.org", "https://example.org/", "ftp://example.org"]),
        ("PYXEC_ALLOWED_HOSTS", ["https://example.org", "example.org:80", "*.example.org", "Example.org", "a b"]),
        ("PYXEC_CONTAINER_RUNTIME", ["RUNC", "runc "]),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", ["localhost:4318", "grpc://localhost", "http://"]),
        ("REDIS_URL", ["localhost:6379", "http://x", "redis", "redis://host:port", "redis://host:99999"]),
        ("REDIS_URL", ["sentinel://host", "sentinel:///jobs", "sentinel://a,b:port/jobs", "sentinels://a,/jobs"]),
    ],
)
def test_invalid_values_are_refused(variable: str, values: list[str]) -> None:
    for value in values:
        [line] = problems(**{variable: value})
        assert line.startswith(variable)
        assert " must " in line or variable == "REDIS_URL"


@pytest.mark.parametrize(("lease", "timeout"), [("2", "2"), ("2.9", "2"), ("", "10.1")])
def test_lease_is_refused_when_a_redis_timeout_can_outlast_it(lease: str, timeout: str) -> None:
    [line] = problems(PYXEC_LEASE_SECONDS=lease, PYXEC_REDIS_TIMEOUT_SECONDS=timeout)

    assert line == (
        f"PYXEC_LEASE_SECONDS='{lease or '15.0'}': must be at least 1.5 times PYXEC_REDIS_TIMEOUT_SECONDS ({timeout})"
    )


def test_invalid_redis_timeout_is_reported_once() -> None:
    assert len(problems(PYXEC_REDIS_TIMEOUT_SECONDS="61")) == 1


def test_gvisor_is_refused_with_a_reason() -> None:
    [line] = problems(PYXEC_CONTAINER_RUNTIME="runsc")

    assert line.startswith("PYXEC_CONTAINER_RUNTIME='runsc': is not supported, because a job can forge its result")


@pytest.mark.parametrize(
    "url", ["http://:hunter2@host", "redis://user:hunter2", "hunter2", "sentinel://user:hunter2/jobs"]
)
def test_message_does_not_contain_the_password_of_an_invalid_url(url: str) -> None:
    assert "hunter2" not in problems(REDIS_URL=url)[0]


def test_secrets_are_not_part_of_the_representation(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("hunter2" * 5)
    settings = read_settings({"PYXEC_REDIS_PASSWORD_FILE": str(file), "PYXEC_ADMIN_KEY_FILE": str(file)})

    assert settings.admin_key == "hunter2" * 5
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://host:1/2", "redis://:p%2Fw%40%3A@host:1/2"),
        ("rediss://user@host", "rediss://user:p%2Fw%40%3A@host"),
        ("unix:///run/redis.sock?db=1", "unix://:p%2Fw%40%3A@/run/redis.sock?db=1"),
        ("sentinel://a:1,b:2/jobs?db=1", "sentinel://:p%2Fw%40%3A@a:1,b:2/jobs?db=1"),
        ("sentinel://a,[::1]:1/jobs", "sentinel://:p%2Fw%40%3A@a,[::1]:1/jobs"),
        ("sentinels://user@[::1]:1,b/jobs", "sentinels://user:p%2Fw%40%3A@[::1]:1,b/jobs"),
        ("", "redis://:p%2Fw%40%3A@127.0.0.1:6399/0"),
    ],
)
def test_redis_password_file_is_inserted_into_the_url(tmp_path: Path, url: str, expected: str) -> None:
    file = tmp_path / "password"
    file.write_text("p/w@:\n")

    assert read_settings({"REDIS_URL": url, "PYXEC_REDIS_PASSWORD_FILE": str(file)}).redis_url == expected


def test_redis_password_file_is_refused_when_it_is_unusable(tmp_path: Path) -> None:
    empty, full = tmp_path / "empty", tmp_path / "full"
    empty.touch()
    full.write_text("hunter3")

    assert "must be a file that is not empty" in problems(PYXEC_REDIS_PASSWORD_FILE=str(empty))[0]
    assert "No such file" in problems(PYXEC_REDIS_PASSWORD_FILE=str(tmp_path / "missing"))[0]
    [line] = problems(PYXEC_REDIS_PASSWORD_FILE=str(full), REDIS_URL="redis://:hunter2@host")
    assert line == "REDIS_URL: must not contain a password if PYXEC_REDIS_PASSWORD_FILE is set"


@pytest.mark.parametrize("content", [None, b"", b"short", b"\xff" * 50])
def test_admin_key_file_is_refused_when_it_is_unusable(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)

    [line] = problems(PYXEC_ADMIN_KEY_FILE=str(path))
    assert line.startswith(f"PYXEC_ADMIN_KEY_FILE={str(path)!r}: must be a ")


def test_unknown_setting_is_refused() -> None:
    assert problems(PYXEC_LEASE="1") == ["PYXEC_LEASE: there is no such setting"]


def test_launch_variables_are_ignored() -> None:
    assert read_settings(dict.fromkeys(LAUNCH_VARIABLES, "x")) == read_settings({})


def test_variables_in_code_and_documentation_are_known() -> None:
    sources = [
        ROOT / "Makefile",
        ROOT / "Procfile",
        *ROOT.glob("app/**/*.py"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("*.md"),
    ]
    mentioned = {name for path in sources for name in re.findall(r"\bPYXEC_[A-Z_]*[A-Z]\b", path.read_text("utf-8"))}

    assert mentioned <= LAUNCH_VARIABLES | set(VARIABLES)
