"""The network settings that a minimal system gets."""

from __future__ import annotations

from pathlib import Path

from tests.bare.network_settings import find_index_folders, select_network_variables


def test_select_network_variables_returns_proxies_certificates_and_indexes() -> None:
    selected = {
        "https_proxy": "http://proxy:3128",
        "NO_PROXY": "localhost",
        "SSL_CERT_FILE": "/etc/ssl/company.pem",
        "PIP_INDEX_URL": "https://pypi.example/simple",
        "npm_config_registry": "https://npm.example",
    }

    assert select_network_variables({**selected, "PATH": "/bin", "HOME": "/root", "API_TOKEN": "secret"}) == selected


def test_find_index_folders_returns_the_folder_with_the_files_of_an_index(tmp_path: Path) -> None:
    (tmp_path / "mirror" / "simple").mkdir(parents=True)
    (tmp_path / "wheels").mkdir()
    variables = {
        "PIP_EXTRA_INDEX_URL": f"file://{tmp_path}/mirror/simple https://pypi.example/simple",
        "PIP_FIND_LINKS": f"{tmp_path}/wheels {tmp_path}/absent",
    }

    assert {tmp_path / "mirror", tmp_path / "wheels"} <= set(find_index_folders(variables))
    assert tmp_path / "absent" not in find_index_folders(variables)
