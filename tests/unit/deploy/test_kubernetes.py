"""The manifests in deploy/kubernetes: valid, unprivileged, and with the commands of compose.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from orders_pipeline.base.settings import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "deploy" / "kubernetes"
FILES = sorted(FOLDER.glob("*.yaml"))
COMPOSE = yaml.safe_load((PROJECT_ROOT / "deploy" / "compose.yaml").read_text())["services"]
OBJECTS = [found for file in FILES for found in yaml.safe_load_all(file.read_text())]
PODS = {
    found["metadata"]["name"]: found["spec"]["template"]["spec"]
    for found in OBJECTS
    if "template" in found.get("spec", {})
}
CONTAINERS = {one["name"]: one for pod in PODS.values() for one in pod["containers"]}
OURS = {name: one for name, one in CONTAINERS.items() if one["image"] == "orders-pipeline"}
PROBES = ("livenessProbe", "readinessProbe")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_manifest_has_no_field_that_kubernetes_does_not_know(file: Path) -> None:
    for found in yaml.safe_load_all(file.read_text()):
        kubernetes_validate.validate(found, kubernetes_validate.latest_version(), strict=True)


def test_what_runs_in_compose_runs_here_with_the_same_command() -> None:
    ours = {name: service for name, service in COMPOSE.items() if "build" in service and name != "flower"}
    assert {name: one["command"] for name, one in OURS.items()} == {
        name: service["command"] for name, service in ours.items()
    }


def test_probes_ask_what_the_health_checks_of_compose_ask() -> None:
    asked = {
        name: probe["exec"]["command"]
        for name, one in CONTAINERS.items()
        for kind in PROBES
        if "exec" in (probe := one.get(kind, {}))
    }
    checked = {name: _as_command(service) for name, service in COMPOSE.items()}
    assert asked == {name: checked[name] for name in asked}
    assert asked.keys() == CONTAINERS.keys() - {"proxy", "setup", "worker-default", "events"}


def _as_command(service: dict[str, Any]) -> list[str]:
    """A health check as an exec probe; that of the image if compose.yaml has none."""
    kind, *words = service.get("healthcheck", {}).get("test") or _check_of_image()
    return ["sh", "-c", words[0].replace("$$", "$")] if kind == "CMD-SHELL" else words


def _check_of_image() -> list[str]:
    lines = (PROJECT_ROOT / "deploy" / "Dockerfile").read_text().splitlines()
    (check,) = [line.strip() for line in lines if line.startswith("    CMD [")]
    return ["CMD", *yaml.safe_load(check.removeprefix("CMD "))]


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_has_no_privileges(name: str) -> None:
    allowed = CONTAINERS[name]["securityContext"]
    assert (allowed["allowPrivilegeEscalation"], allowed["capabilities"]) == (False, {"drop": ["ALL"]})
    assert name == "rabbitmq" or allowed["readOnlyRootFilesystem"]


@pytest.mark.parametrize("name", PODS)
def test_a_pod_runs_as_no_root_and_holds_no_token_of_the_cluster(name: str) -> None:
    pod = PODS[name]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod["automountServiceAccountToken"]


@pytest.mark.parametrize("name", ["orders", "worker-orders"])
def test_a_pod_with_workers_may_take_as_long_to_stop_as_they_may(name: str) -> None:
    (settings,) = [one["data"] for one in OBJECTS if one["metadata"]["name"] == "orders-settings"]
    assert PODS[name]["terminationGracePeriodSeconds"] == int(settings["ORDERS_STOP_SECONDS"])


def test_each_setting_of_compose_is_a_setting_or_a_secret_here() -> None:
    named = {
        key
        for one in OBJECTS
        if one["metadata"]["name"] in {"orders-settings", "orders-secrets"}
        for key in (one.get("data") or one["stringData"])
    }
    assert named - {"ORDERS_STOP_SECONDS"} == COMPOSE["api"]["environment"].keys()


def test_secrets_hold_no_values() -> None:
    values = [value for one in OBJECTS if one["kind"] == "Secret" for value in one["stringData"].values()]
    assert set(values) == {""}


def test_only_the_proxy_has_ports_in_the_main_pod_and_the_network_policy_opens_no_others() -> None:
    assert [one["name"] for one in PODS["orders"]["containers"] if "ports" in one] == ["proxy"]
    (policy,) = [one for one in OBJECTS if one["metadata"]["name"] == "orders-proxy"]
    opened = [port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]]
    assert opened == [port["name"] for port in CONTAINERS["proxy"]["ports"]]
