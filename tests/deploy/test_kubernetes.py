"""The manifests of deploy/kubernetes, validated against the schemas of the API. No test runs them on a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())


def read_manifests() -> Iterator[dict[str, Any]]:
    for name in KUSTOMIZATION["resources"]:
        yield from yaml.safe_load_all((FOLDER / name).read_text())


MANIFESTS = list(read_manifests())
IDS = [f"{manifest['kind']}-{manifest['metadata']['name']}" for manifest in MANIFESTS]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=IDS)
def test_manifest_has_the_schema_of_its_kind(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_kustomization_contains_every_file() -> None:
    assert set(KUSTOMIZATION["resources"]) == {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}


def test_every_image_is_renamed_by_kustomize() -> None:
    images = {
        container["image"] for pod in pods() for container in (*pod["containers"], *pod.get("initContainers", ()))
    }

    assert images == {image["name"] for image in KUSTOMIZATION["images"]}


def test_only_workers_have_the_socket_of_the_engine() -> None:
    with_host_path = [pod for pod in pods() if any("hostPath" in volume for volume in pod.get("volumes", ()))]

    assert [pod["containers"][0]["name"] for pod in with_host_path] == ["worker"]
    assert [pod for pod in pods() if pod["automountServiceAccountToken"]] == []


def pods() -> list[dict[str, Any]]:
    return [manifest["spec"]["template"]["spec"] for manifest in MANIFESTS if "template" in manifest.get("spec", {})]
