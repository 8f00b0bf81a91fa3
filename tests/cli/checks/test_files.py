"""Check of the file storage of ``pyxec doctor``."""

from __future__ import annotations

from pathlib import Path

from app.cli.checks.files import check_file_storage
from app.cli.checks.finding import Status
from app.config import read_settings
from tests.ports import free_port


def test_check_passes_a_folder(tmp_path: Path) -> None:
    (finding,) = check_file_storage(read_settings({"PYXEC_FILES": f"dir:{tmp_path}"}))
    assert finding.status is Status.OK


def test_check_fails_a_missing_folder(tmp_path: Path) -> None:
    (finding,) = check_file_storage(read_settings({"PYXEC_FILES": f"dir:{tmp_path}/missing"}))
    assert finding.status is Status.FAILED
    assert "missing is not a folder" in finding.detail


def test_check_fails_an_unreachable_bucket(tmp_path: Path) -> None:
    settings = {"PYXEC_FILES": "s3://bucket", "PYXEC_S3_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    for name in ("ACCESS", "SECRET"):
        tmp_path.joinpath(name).write_text("key")
        settings[f"PYXEC_S3_{name}_KEY_FILE"] = str(tmp_path / name)
    (finding,) = check_file_storage(read_settings(settings))
    assert finding.status is Status.FAILED
    assert "PYXEC_FILES is s3://bucket" in finding.detail
