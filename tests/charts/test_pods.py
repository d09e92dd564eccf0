"""What every pod of a release may do and asks for."""

from __future__ import annotations

import re

import pytest
from helm_chart import containers, named, parts, pods, render

RELEASE = render()
CHALLENGED = render(rollout={"challenger": {"name": "v2", "model": "mlflow://tip-ranker/2"}})
MIRRORED = dict(pods(render(image={"pullSecrets": ["mirror", "other"]})))
PODS, CONTAINERS = dict(pods(RELEASE)), dict(containers(RELEASE))
UNITS = {"": 1, "m": 0.001, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
ADMITTED = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
HOST = {"hostNetwork", "hostPID", "hostIPC", "hostAliases"}


def amount(text):
    """A Kubernetes quantity as a number."""
    number, unit = re.fullmatch(r"([\d.]+)([A-Za-z]*)", str(text)).groups()
    return float(number) * UNITS[unit]


def test_these_are_all_the_pods_there_are():
    assert {re.sub(r"-[0-9a-f]{8}$", "", where) for where in PODS} == {
        "InferenceService/tip-ranker/transformer",
        "InferenceService/tip-ranker/predictor",
        "InferenceService/tip-generator/predictor",
        "Deployment/oo-llm",
        "Deployment/oo-consumer-signals",
        "Deployment/oo-consumer-feedback",
        "Deployment/oo-consumer-decisions",
        "Deployment/oo-consumer-predictions",
        "Deployment/oo-beliefs",
        "StatefulSet/oo-nats",
        "StatefulSet/oo-postgres",
        "StatefulSet/oo-mlflow",
        "CronJob/oo-train",
        "Job/oo-bootstrap",
        "Job/oo-secrets",
        "Pod/oo-test-score",
    }


@pytest.mark.parametrize("where", PODS)
def test_a_pod_is_restricted(where):
    pod = PODS[where]
    security = pod["securityContext"]

    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] > 0
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not HOST & set(pod)
    assert {kind for volume in pod.get("volumes", ()) for kind in volume if kind != "name"} <= ADMITTED


@pytest.mark.parametrize("where", MIRRORED)
def test_a_pod_may_pull_its_images(where):
    assert MIRRORED[where]["imagePullSecrets"] == [{"name": "mirror"}, {"name": "other"}]


@pytest.mark.parametrize("where", PODS)
def test_without_pull_secrets_a_pod_names_none(where):
    assert "imagePullSecrets" not in PODS[where]


@pytest.mark.parametrize("where", PODS)
def test_a_pod_gets_no_token_of_its_service_account(where):
    assert PODS[where]["automountServiceAccountToken"] is False


@pytest.mark.parametrize("name", [name for kind, name in named(RELEASE) if kind == "ServiceAccount"])
def test_a_service_account_hands_out_no_token(name):
    assert named(RELEASE)["ServiceAccount", name]["automountServiceAccountToken"] is False


def test_every_service_account_that_a_pod_names_is_there():
    there = {name for kind, name in named(RELEASE) if kind == "ServiceAccount"}

    assert {pod["serviceAccountName"] for where, pod in PODS.items() if where != "Pod/oo-test-score"} == there


@pytest.mark.parametrize("where", CONTAINERS)
def test_a_container_is_restricted(where):
    security = CONTAINERS[where]["securityContext"]

    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert "privileged" not in security
    assert not [port for port in CONTAINERS[where].get("ports", ()) if "hostPort" in port]


def test_the_download_of_a_model_is_restricted_wherever_it_is_used():
    security = CONTAINERS["ClusterStorageContainer/oo-mlflow-oo-ml/storage-initializer"]["securityContext"]

    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}


def asking(things):
    """What each container asks for; a runtime's containers ask for what the InferenceService's model does."""
    yield from ((where, each["resources"]) for where, each in containers(things) if "ServingRuntime" not in where)
    ranker = named(things)["InferenceService", "tip-ranker"]["spec"]
    yield "champion", ranker["predictor"]["model"]["resources"]
    yield from (("challenger", canary["predictor"]["model"]["resources"]) for canary in ranker.get("canary", ()))


@pytest.mark.parametrize(("where", "resources"), [*asking(CHALLENGED)])
def test_a_container_says_what_it_needs_and_how_much_memory_it_may_take(where, resources):
    assert amount(resources["requests"]["cpu"]) > 0
    assert 0 < amount(resources["requests"]["memory"]) <= amount(resources["limits"]["memory"])
    assert "cpu" not in resources["limits"]  # a limit throttles: 796 ms at the 99th percentile, measured


def replicas(thing):
    spec = thing["spec"]
    return spec.get("replicas", spec.get("minReplicas", 1))


def requests(things, kind):
    """CPU or memory, summed over all pods that may run at the same time, the Gateways' Envoys included."""
    for thing in things:
        if thing["kind"] == "InferenceService":
            for part in ("transformer", "predictor"):
                yield from of_component(thing["spec"].get(part, {}), kind)
        elif thing["kind"] == "EnvoyProxy":
            envoy = thing["spec"]["provider"]["kubernetes"]["envoyDeployment"]
            yield envoy["replicas"] * amount(envoy["container"]["resources"]["requests"][kind])
        else:
            for _, pod in parts(thing):
                for container in pod["containers"]:
                    yield replicas(thing) * amount(container["resources"]["requests"][kind])


def of_component(component, kind):
    running = [*component.get("containers", ()), *([component["model"]] if "model" in component else ())]
    for container in running:
        yield component["minReplicas"] * amount(container["resources"]["requests"][kind])


def test_a_release_with_one_pod_of_each_fits_a_small_machine_with_room_for_the_cluster_itself():
    values = {"transformer": {"replicas": 1}, "predictor": {"replicas": 1}, "autoscaling": {"class": "none"}}

    release = render(**values)

    assert sum(requests(release, "cpu")) < 1
    assert sum(requests(release, "memory")) < 5 * 2**30
