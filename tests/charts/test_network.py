"""Who may call whom, as a table."""

from __future__ import annotations

import pytest
from helm_chart import named, parts, render

ENVOYS = {"gateway.envoyproxy.io/owning-gateway-namespace": "oo-ml"}
CONSUMER = "oo-ml/consumer"

# to, ports, from
ARROWS = {
    "oo-transformer": ("transformer", {8080}, {"gateway oo-entry"}),
    "oo-predictor": ("predictor", {8080, 8081, 9000}, {"gateway oo-inference"}),
    "oo-generator": ("generator", {8080}, {"gateway oo-inference"}),
    "oo-llm": ("llm", {8080}, {"generator"}),
    "oo-nats": ("nats", {4222}, {"transformer", "predictor", "consumers", "pipeline"}),
    "oo-nats-peers": ("nats", {6222}, {"nats"}),
    "oo-postgres": ("postgres", {5432}, {"consumers", "pipeline", "mlflow"}),
    "oo-mlflow": ("mlflow", {5000}, {"predictor", "pipeline"}),
}


def policies(**values):
    return {name: thing["spec"] for (kind, name), thing in named(render(**values)).items() if kind == "NetworkPolicy"}


def peer(it):
    """One end of an arrow, by its component or its gateway; nothing else may be said in it."""
    labels = dict(it["podSelector"]["matchLabels"])
    if gateway := labels.pop("gateway.envoyproxy.io/owning-gateway-name", None):
        assert labels == ENVOYS
        assert it["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "envoy-gateway-system"}}
        return f"gateway {gateway}"
    assert "namespaceSelector" not in it
    assert labels.pop("app.kubernetes.io/instance") == "oo-ml"
    if labels.pop(CONSUMER, None):
        assert labels == {}
        return "consumers"
    assert labels.pop("app.kubernetes.io/part-of") == "oo-ml"
    assert set(labels) == {"app.kubernetes.io/component"}
    return labels["app.kubernetes.io/component"]


def arrow(spec):
    (rule,) = spec["ingress"]
    assert {port["protocol"] for port in rule["ports"]} == {"TCP"}
    return peer(spec), {port["port"] for port in rule["ports"]}, {peer(it) for it in rule["from"]}


def test_these_are_all_the_arrows():
    found = {name: spec for name, spec in policies().items() if name not in {"oo-nobody", "oo-transformer-calls"}}

    assert {name: arrow(spec) for name, spec in found.items()} == ARROWS
    assert {tuple(spec["policyTypes"]) for spec in found.values()} == {("Ingress",)}


def test_whoever_is_in_no_arrow_can_be_called_by_nobody():
    assert policies()["oo-nobody"] == {
        "podSelector": {"matchLabels": {"app.kubernetes.io/part-of": "oo-ml"}},
        "policyTypes": ["Ingress"],
    }


def test_the_transformer_calls_the_inner_gateway_nats_and_the_dns():
    spec = policies()["oo-transformer-calls"]
    gateway, nats, dns = spec["egress"]

    assert spec["policyTypes"] == ["Egress"]
    assert [peer(it) for it in gateway["to"]] == ["gateway oo-inference"]
    assert [peer(it) for it in nats["to"]] == ["nats"]
    assert dns == {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]}


def test_an_external_nats_is_called_by_its_port():
    spec = policies(nats={"url": "nats://nats.example:4222"})["oo-transformer-calls"]

    assert spec["egress"][1] == {"ports": [{"protocol": "TCP", "port": 4222}]}


def test_metrics_are_read_from_one_namespace():
    spec = policies(networkPolicies={"metricsNamespace": "monitoring"})["oo-metrics"]

    assert spec["ingress"] == [
        {
            "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
            "ports": [{"protocol": "TCP", "port": 8080}, {"protocol": "TCP", "port": 8222}],
        }
    ]


def labelled(things):
    """The labels of every pod, by its component."""
    for thing in things:
        for part, _ in parts(thing):
            spec = thing["spec"]
            match thing["kind"]:
                case "InferenceService":
                    labels = spec[part.removeprefix("/")]["labels"]
                case "Pod":
                    labels = thing["metadata"]["labels"]
                case "CronJob":
                    labels = spec["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
                case _:
                    labels = spec["template"]["metadata"]["labels"]
            yield labels["app.kubernetes.io/component"], labels


@pytest.mark.parametrize("policy", [*ARROWS, "oo-transformer-calls"])
def test_both_ends_of_an_arrow_are_pods_that_there_are(policy):
    pods = dict(labelled(render()))
    spec = policies()[policy]
    rules = [*spec.get("ingress", ()), *spec.get("egress", ())]
    ends = [spec, *(it for rule in rules for it in [*rule.get("from", ()), *rule.get("to", ())])]

    for end in (it["podSelector"]["matchLabels"] for it in ends if "namespaceSelector" not in it):
        assert [name for name, labels in pods.items() if end.items() <= labels.items()]
