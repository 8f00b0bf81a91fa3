"""The environment: every mistake told at once, nothing unknown let through, one row for each field."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from app.config import LAUNCH_VARIABLES, OPTIONS, ConfigurationError, Settings, read_settings

ROOT = Path(__file__).parent.parent
KNOWN = LAUNCH_VARIABLES | {option.variable for option in OPTIONS.values()}


def mistakes(**environment: str) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        read_settings(environment)
    return str(refused.value).splitlines()


def test_the_rows_are_the_fields() -> None:
    assert list(OPTIONS) == [field.name for field in fields(Settings)]
    variables = [option.variable for option in OPTIONS.values()]
    assert len(set(variables)) == len(variables)
    assert all(option.meaning for option in OPTIONS.values())
    assert not LAUNCH_VARIABLES & set(variables)


def test_an_empty_environment_is_a_whole_configuration() -> None:
    settings = read_settings({})

    for name, option in OPTIONS.items():
        assert getattr(settings, name) == option.parse(option.default), name


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert read_settings({option.variable: "" for option in OPTIONS.values()}) == read_settings({})


def test_what_is_set_is_read() -> None:
    settings = read_settings(
        {
            "REDIS_URL": "rediss://:secret@host:1/2",
            "PYXEC_LEASE_SECONDS": "0.5",
            "PYXEC_POOL_FLOOR": "0",
            "PATH": "/bin",
        }
    )

    assert settings.redis_url == "rediss://:secret@host:1/2"
    assert (settings.lease_seconds, settings.pool_floor) == (0.5, 0)


def test_all_mistakes_are_told_at_the_same_time_each_with_its_variable() -> None:
    told = mistakes(
        REDIS_URL="http://host", PYXEC_NAMESPACE="a{b}", PYXEC_MAX_BACKLOG="many", PYXEC_LEASE_SECONDS="0",
        PYXEC_CONTAINER_RUNTIME="docker", PYXEC_TYPO="1", PYXEC_RATE_BURST="10",
    )  # fmt: skip

    assert [re.split(r"[=:]", line)[0] for line in told] == [
        "PYXEC_CONTAINER_RUNTIME", "PYXEC_LEASE_SECONDS", "PYXEC_MAX_BACKLOG", "PYXEC_NAMESPACE", "PYXEC_TYPO",
        "REDIS_URL",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("variable", "values"),
    [
        ("PYXEC_MAX_BACKLOG", ["0", "-1", "1.5", "1e3", "100000001", "ten", " "]),
        ("PYXEC_LEASE_SECONDS", ["0.4", "601", "nan", "inf", "-inf", "15s"]),
        ("PYXEC_MAX_WAIT_SECONDS", ["-1", "3601", "nan"]),
        ("PYXEC_NAMESPACE", ["a b", "a:b", "{a}", "-", "a*"]),
        ("PYXEC_CONTAINER_RUNTIME", ["RUNC", "runc "]),
        ("REDIS_URL", ["localhost:6379", "http://x", "redis", "redis://host:port", "redis://host:99999"]),
        ("REDIS_URL", ["sentinel://host", "sentinel:///jobs", "sentinel://a,b:port/jobs", "sentinels://a,/jobs"]),
    ],
)
def test_what_is_out_of_range_or_no_value_at_all_is_refused(variable: str, values: list[str]) -> None:
    for value in values:
        [told] = mistakes(**{variable: value})
        assert told.startswith(variable)


@pytest.mark.parametrize(
    "url", ["http://:hunter2@host", "redis://user:hunter2", "hunter2", "sentinel://user:hunter2/jobs"]
)
def test_a_password_in_an_address_is_not_told_to_the_log(url: str) -> None:
    assert "hunter2" not in mistakes(REDIS_URL=url)[0]


@pytest.mark.parametrize(
    ("url", "login"),
    [
        ("redis://host:1/2", "redis://:p%2Fw%40%3A@host:1/2"),
        ("rediss://user@host", "rediss://user:p%2Fw%40%3A@host"),
        ("unix:///run/redis.sock?db=1", "unix://:p%2Fw%40%3A@/run/redis.sock?db=1"),
        ("sentinel://a:1,b:2/jobs?db=1", "sentinel://:p%2Fw%40%3A@a:1,b:2/jobs?db=1"),
        ("sentinel://a,[::1]:1/jobs", "sentinel://:p%2Fw%40%3A@a,[::1]:1/jobs"),
        ("sentinels://user@[::1]:1,b/jobs", "sentinels://user:p%2Fw%40%3A@[::1]:1,b/jobs"),
    ],
)
def test_a_password_in_a_file_becomes_part_of_the_address(tmp_path: Path, url: str, login: str) -> None:
    file = tmp_path / "password"
    file.write_text("p/w@:\n")

    assert read_settings({"REDIS_URL": url, "PYXEC_REDIS_PASSWORD_FILE": str(file)}).redis_url == login


def test_a_password_file_that_is_no_use_is_told(tmp_path: Path) -> None:
    empty, full = tmp_path / "empty", tmp_path / "full"
    empty.touch()
    full.write_text("hunter3")

    assert "no password in this file" in mistakes(PYXEC_REDIS_PASSWORD_FILE=str(empty))[0]
    assert "No such file" in mistakes(PYXEC_REDIS_PASSWORD_FILE=str(tmp_path / "none"))[0]
    [twice] = mistakes(PYXEC_REDIS_PASSWORD_FILE=str(full), REDIS_URL="redis://:hunter2@host")
    assert "already" in twice
    assert "hunter" not in twice


def test_a_misspelt_setting_is_no_setting() -> None:
    assert mistakes(PYXEC_LEASE="1") == ["PYXEC_LEASE: there is no such setting"]


def test_every_variable_that_the_repository_speaks_of_is_known() -> None:
    sources = [
        ROOT / "Makefile",
        ROOT / "Procfile",
        *ROOT.glob("app/**/*.py"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("*.md"),
    ]
    spoken_of = {
        name for source in sources for name in re.findall(r"\bPYXEC_[A-Z_]*[A-Z]\b", source.read_text("utf-8"))
    }

    assert spoken_of <= KNOWN


def test_what_only_starts_the_service_does_not_stop_it() -> None:
    assert read_settings(dict.fromkeys(LAUNCH_VARIABLES, "x")) == read_settings({})
