"""What each switch takes away from a release, and what it adds."""

from __future__ import annotations

import re

import pytest
import yaml
from helm_chart import containers, named, render, template

DISRUPTIONS = {"PodDisruptionBudget/oo-transformer", "PodDisruptionBudget/oo-predictor"}
POLICIES = {
    f"NetworkPolicy/oo-{name}"
    for name in (
        "nobody", "transformer", "predictor", "generator", "llm", "nats", "nats-peers", "postgres", "mlflow",
        "transformer-calls",
    )
}  # fmt: skip
NATS = {
    "ServiceAccount/oo-nats", "ConfigMap/oo-nats", "Service/oo-nats", "Service/oo-nats-peers", "StatefulSet/oo-nats",
}  # fmt: skip
POSTGRES = {
    "ServiceAccount/oo-postgres", "ConfigMap/oo-postgres", "Service/oo-postgres", "StatefulSet/oo-postgres",
}  # fmt: skip
MLFLOW = {"ServiceAccount/oo-mlflow", "Service/oo-mlflow", "StatefulSet/oo-mlflow"}
CONSUMERS = ("signals", "feedback", "decisions", "predictions")
SECRETS = {
    "ServiceAccount/oo-secrets", "Role/oo-secrets", "RoleBinding/oo-secrets", "ConfigMap/oo-secrets", "Job/oo-secrets",
}  # fmt: skip
EXTERNAL = {
    "nats": {"urlSecretName": "my-nats", "urlSecretKey": "my-nats-url"},
    "postgres": {"urlSecretName": "my-postgres", "effectsKey": "my-effects"},
    "mlflow": {"url": "https://mlflow.example", "secretName": "my-mlflow"},
    "llm": {"secretName": "my-llm", "secretKey": "my-llm-key", "builtin": False},
    "secrets": {"create": False, "name": "my-secrets"},
    "gateway": {"tlsSecret": "my-certificate"},
}

# values: what is gone, what is new
SWITCHES = {
    "network policies": ({"networkPolicies": {"enabled": False}}, POLICIES, set()),
    "metrics for a namespace": (
        {"networkPolicies": {"metricsNamespace": "monitoring"}},
        set(),
        {"NetworkPolicy/oo-metrics"},
    ),
    "disruption budgets": ({"podDisruptionBudgets": False}, DISRUPTIONS, set()),
    "single pods": ({"transformer": {"replicas": 1}, "predictor": {"replicas": 1}}, DISRUPTIONS, set()),
    "the built-in model": (
        {"llm": {"builtin": False}},
        {"ServiceAccount/oo-llm", "Deployment/oo-llm", "Service/oo-llm"},
        set(),
    ),
    "an external NATS": ({"nats": {"url": "nats://nats.example:4222"}}, NATS, set()),
    "an external NATS with credentials": ({"nats": {"urlSecretName": "nats"}}, NATS, set()),
    "an external MLflow": ({"mlflow": {"url": "https://mlflow.example"}}, MLFLOW, set()),
    "an external PostgreSQL": (
        {"postgres": {"urlSecretName": "postgres"}, "mlflow": {"url": "https://mlflow.example"}},
        POSTGRES | MLFLOW,
        set(),
    ),
    "own secrets": ({"secrets": {"create": False}}, SECRETS, set()),
    "no bootstrap": ({"pipelines": {"bootstrap": False}}, {"Job/oo-bootstrap"}, set()),
    "NATS on three servers": ({"nats": {"replicas": 3}}, set(), {"PodDisruptionBudget/oo-nats"}),
    "consumers by lag": (
        {"autoscaling": {"consumersByLag": True}},
        set(),
        {f"ScaledObject/oo-consumer-{name}" for name in CONSUMERS},
    ),
    "an offline log": ({"lake": {"url": "s3://bucket/oo"}}, set(), {"Deployment/oo-lake"}),
    "no volumes": ({"persistence": {"enabled": False}}, set(), set()),
    "no autoscaler": ({"autoscaling": {"class": "none"}}, set(), set()),
    "KEDA": ({"autoscaling": {"class": "keda"}}, set(), set()),
}


def names(**values):
    """Kind and name of each object, without the digest that a Job's name ends with."""
    return {re.sub(r"^(Job/.*)-[0-9a-f]{8}$", r"\1", "/".join(name)) for name in named(render(**values))}


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_takes_away_and_adds_what_it_says_and_nothing_else(switch):
    values, gone, new = SWITCHES[switch]
    without, found = names(), names(**values)

    assert (without - found, found - without) == (gone, new)


def test_without_volumes_the_data_is_in_the_pod():
    sets = [thing for thing in render(persistence={"enabled": False}) if thing["kind"] == "StatefulSet"]

    assert len(sets) == 3
    for thing in sets:
        assert "volumeClaimTemplates" not in thing["spec"]
        assert {"name": "data", "emptyDir": {}} in thing["spec"]["template"]["spec"]["volumes"]


@pytest.mark.parametrize(("kept", "how"), [(False, "Delete"), (True, "Retain")])
def test_the_volumes_stay_after_the_release_where_that_is_asked_for(kept, how):
    sets = [thing for thing in render(persistence={"keepOnUninstall": kept}) if thing["kind"] == "StatefulSet"]

    assert [thing["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] for thing in sets] == [how] * 3


@pytest.mark.parametrize("scaler", ["hpa", "keda", "none"])
def test_transformer_and_champion_are_scaled_by_whom_the_values_name(scaler):
    ranker = named(render(autoscaling={"class": scaler}))["InferenceService", "tip-ranker"]

    assert ranker["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"] == scaler
    for part in ("transformer", "predictor"):
        assert {"maxReplicas", "scaleMetric", "scaleTarget"} & set(ranker["spec"][part]) == (
            set() if scaler == "none" else {"maxReplicas", "scaleMetric", "scaleTarget"}
        )


def test_consumers_scaled_by_lag_have_no_number_of_their_own():
    release = named(render(autoscaling={"consumersByLag": True}, consumers={"replicas": 2}))

    for name in CONSUMERS:
        scaled = release["ScaledObject", f"oo-consumer-{name}"]["spec"]
        assert "replicas" not in release["Deployment", f"oo-consumer-{name}"]["spec"]
        assert (scaled["scaleTargetRef"]["name"], scaled["minReplicaCount"]) == (f"oo-consumer-{name}", 2)


def test_an_external_store_is_what_its_callers_are_told():
    told = {
        f"{where.rpartition('/')[0]}:{variable['name']}": variable.get("value", variable.get("valueFrom"))
        for where, container in containers(render(**EXTERNAL))
        for variable in container.get("env", ())
    }

    nats = {"secretKeyRef": {"name": "my-nats", "key": "my-nats-url"}}
    effects = {"secretKeyRef": {"name": "my-postgres", "key": "my-effects"}}
    assert told["InferenceService/tip-ranker/transformer:OO_TRANSFORMER_NATS_URL"] == nats
    assert told["ServingRuntime/oo-mlflow:OO_PREDICTOR_NATS_URL"] == nats
    assert told["Deployment/oo-consumer-signals:OO_CONSUMER_NATS_URL"] == nats
    assert told["Deployment/oo-consumer-signals:OO_CONSUMER_STORE_URL"] == effects
    assert told["CronJob/oo-train:OO_PIPELINE_STORE_URL"] == effects
    assert told["CronJob/oo-train:OO_PIPELINE_TRACKING_URI"] == "https://mlflow.example"
    assert told["ClusterStorageContainer/oo-mlflow-oo-ml:OO_PREDICTOR_TRACKING_URI"] == "https://mlflow.example"
    assert told["InferenceService/tip-generator/predictor:OO_LLM_API_KEY"] == {
        "secretKeyRef": {"name": "my-llm", "key": "my-llm-key"}
    }


TOLD = {  # a variable's end: what tells whoever gets it of its credentials
    "_TRACKING_URI": {"secretRef": {"name": "my-mlflow"}},
    "_NATS_URL": {"secretKeyRef": {"name": "my-nats", "key": "my-nats-url"}},
    "_STORE_URL": {"secretKeyRef": {"name": "my-postgres", "key": "my-effects"}},
    "_LAKE_URL": {"secretRef": {"name": "my-bucket"}},
    "OO_LLM_API_KEY": {"secretKeyRef": {"name": "my-llm", "key": "my-llm-key"}},
}
LAKE = {"lake": {"url": "s3://bucket/oo", "secretName": "my-bucket"}}


@pytest.mark.parametrize("end", TOLD)
def test_whoever_is_told_where_something_is_has_the_credentials_too(end):
    told = {
        where: [*container.get("envFrom", ()), variable.get("valueFrom")]
        for where, container in containers(render(**EXTERNAL, **LAKE))
        for variable in container.get("env", ())
        if variable["name"].endswith(end)
    }

    assert told
    assert [where for where, credentials in told.items() if TOLD[end] not in credentials] == []


def test_three_parts_talk_to_mlflow():
    told = {
        where.rpartition("/")[0]
        for where, container in containers(render(**EXTERNAL))
        if {"secretRef": {"name": "my-mlflow"}} in container.get("envFrom", ())
    }

    assert {re.sub(r"-[0-9a-f]{8}$", "", where) for where in told} == {
        "CronJob/oo-train",
        "Job/oo-bootstrap",
        "ClusterStorageContainer/oo-mlflow-oo-ml",
    }


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"mlflow": {"secretName": "my-mlflow"}}, "mlflow.secretName: the built-in MLflow has no credentials"),
        ({"nats": {"url": "nats://n:4222"}, "autoscaling": {"consumersByLag": True}}, "autoscaling.consumersByLag"),
        ({"nats": {"urlSecretName": "my-nats"}, "autoscaling": {"consumersByLag": True}}, "autoscaling.consumersByLag"),
    ],
)
def test_what_would_have_no_effect_is_refused(values, said):
    done = template(**values)

    assert done.returncode != 0
    assert said in done.stderr


def test_strict_nats_writes_before_it_acknowledges():
    fast, strict = (
        named(render(nats={"durability": durability}))["ConfigMap", "oo-nats"]["data"]["nats.conf"]
        for durability in ("fast", "strict")
    )

    assert "sync_interval" not in fast
    assert "sync_interval: always" in strict


@pytest.mark.parametrize("values", [{}, EXTERNAL], ids=["built in", "external"])
def test_no_password_is_in_the_output(values):
    release = render(**values)

    assert [thing for thing in release if thing["kind"] == "Secret"] == []
    for where, container in containers(release):
        for variable in container.get("env", ()):
            if re.search(r"PASSWORD|KEY|TOKEN|SECRET", variable["name"]):
                assert variable.get("value") == "none" or "secretKeyRef" in variable["valueFrom"], where
    assert set(re.findall(r"://[^/\s@]+:([^/\s@]+)@", yaml.safe_dump(release))) <= {"$(POSTGRES_PASSWORD)"}
