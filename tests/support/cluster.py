"""A release of the chart on a cluster: helm and kubectl, and the same seams that the embedded stack has."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from waiting import eventually, stopped

__all__ = [
    "CHART",
    "NAMESPACE",
    "ROOT",
    "Release",
    "environment",
    "found",
    "frozen_pods",
    "helm",
    "kubectl",
    "leftovers",
    "namespace",
    "run",
    "uids",
]

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "oo-ml"
VALUES = ROOT / "tests" / "cluster" / "values.yaml"
NAMESPACE = "oo"
PARTS = {  # what the embedded stack calls its processes
    "litellm": "app.kubernetes.io/component=generator",
    "consumers": "oo-ml/consumer=true",
}
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}


def run(*words: str | Path, check: bool = True, given: str | None = None) -> str:
    """What a program prints; its errors are in the failure."""
    done = subprocess.run([*map(str, words)], input=given, capture_output=True, text=True, check=False, timeout=590)
    assert not check or done.returncode == 0, f"{' '.join(map(str, words))}\n{done.stdout}{done.stderr}"
    return done.stdout if done.returncode == 0 else done.stdout + done.stderr


def helm(*words: str | Path, check: bool = True) -> str:
    """Helm from the development environment, in our namespace."""
    return run(Path(sys.prefix, "bin", "helm"), "--namespace", NAMESPACE, *words, check=check)


def kubectl(*words: str | Path, check: bool = True, given: str | None = None) -> str:
    return run("kubectl", "--namespace", NAMESPACE, *words, check=check, given=given)


def found(*words: str) -> list[dict]:
    """Objects as dictionaries."""
    return json.loads(kubectl("get", *words, "--output", "json"))["items"]


def namespace() -> None:
    """Make the namespace, in which the API server enforces Pod Security `restricted`."""
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": RESTRICTED}}
    kubectl("apply", "--filename", "-", given=json.dumps(body))


@dataclass(frozen=True)
class Release:
    """What is installed in our namespace. Its addresses are those of Services: this machine routes them."""

    name: str = "oo-ml"

    @property
    def url(self) -> str:
        gateway = json.loads(kubectl("get", "gateway", "oo-entry", "--output", "json"))
        return f"http://{gateway['status']['addresses'][0]['value']}"

    @property
    def nats_url(self) -> str:
        return f"nats://{self.address('oo-nats')}:4222"

    @property
    def store_url(self) -> str:
        secret = json.loads(kubectl("get", "secret", "oo-ml-secrets", "--output", "json"))["data"]
        password = run("base64", "--decode", given=secret["postgres-password"])
        return f"postgresql+psycopg://oo:{password}@{self.address('oo-postgres')}:5432/effects"

    def address(self, service: str) -> str:
        return kubectl("get", "service", service, "--output", "jsonpath={.spec.clusterIP}")

    def post(self, route: str, body: dict, **headers: str) -> httpx.Response:
        return httpx.post(f"{self.url}{route}", json=body, headers=headers, timeout=30)

    def install(self) -> None:
        helm("install", self.name, CHART, "--values", VALUES, "--wait", "--wait-for-jobs", "--timeout", "5m")

    def upgrade(self, check: bool = True, **values: object) -> str:
        """Change values of the release, like `rollout__challenger__weight=10`."""
        told = [f"{name.replace('__', '.')}={value}" for name, value in values.items()]
        return helm("upgrade", self.name, CHART, "--values", VALUES, *(f"--set={word}" for word in told), check=check)

    def train(self) -> dict:
        """Run the training pipeline now; what it says of its outcome."""
        job = f"train-{time.monotonic_ns()}"
        body = json.loads(kubectl("create", "job", "--from=cronjob/oo-train", job, "--dry-run=client", "--output=json"))
        body["spec"]["template"]["spec"]["containers"][0]["args"] = ["--output", "json", "train"]
        kubectl("apply", "--filename", "-", given=json.dumps(body))
        kubectl("wait", "--for=condition=Complete", f"job/{job}", "--timeout=300s")
        said = kubectl("logs", f"job/{job}").splitlines()
        return json.loads(next(line for line in reversed(said) if line.startswith("{")))

    def pods(self, component: str) -> list[dict]:
        """Running pods of a component, oldest first; those that are on their way out are not among them."""
        alive = [
            pod
            for pod in found("pods", "--selector", f"app.kubernetes.io/component={component}")
            if "deletionTimestamp" not in pod["metadata"] and pod["status"]["phase"] in {"Pending", "Running"}
        ]
        return sorted(alive, key=lambda pod: pod["metadata"]["creationTimestamp"])

    def predictors(self, name: str = "") -> list[dict]:
        """Pods of one predictor of tip-ranker: the unnamed champion's, or those of a named version."""
        app = f"isvc.tip-ranker-{name}-predictor" if name else "isvc.tip-ranker-predictor"
        return [pod for pod in self.pods("predictor") if pod["metadata"]["labels"]["app"] == app]

    @contextlib.contextmanager
    def frozen(self, name: str):
        """A part whose processes all hold their connections and answer nothing; frozen from outside the pods."""
        pods = [
            pod
            for pod in found("pods", "--selector", PARTS.get(name, f"app.kubernetes.io/component={name}"))
            if pod["status"]["phase"] == "Running"
        ]
        with frozen_pods(pods):
            yield

    def ready(self, name: str = "") -> None:
        """Wait until a predictor of tip-ranker is rolled out."""
        deployment = f"tip-ranker-{name}-predictor" if name else "tip-ranker-predictor"
        assert eventually(lambda: deployment in kubectl("get", "deployments", "--output", "name"), patience=120)
        kubectl("rollout", "status", f"deployment/{deployment}", "--timeout=180s")

    @contextlib.contextmanager
    def replaced(self, component: str = "predictor"):
        """What the block rolls out anew; it is left when the last pod of before has gone, its drain included."""
        selector = f"app.kubernetes.io/component={component}"
        before = uids(found("pods", "--selector", selector))
        yield
        assert eventually(lambda: not before & uids(found("pods", "--selector", selector)), patience=180)
        kubectl("rollout", "status", f"deployment/tip-ranker-{component}", "--timeout=180s")

    def settled(self, wanted, patience: float = 120.0) -> None:
        """Wait until a soundly answered /score shows what is wanted, ten times in a row."""
        assert eventually(lambda: all(wanted(self.score()) for _ in range(10)), patience=patience)

    def score(self, request: str | None = None) -> dict:
        body = {"user_id": "u-1", "tasks": [{"id": "t-1", "content": "Pay the rent", "priority": 4}]}
        return self.post("/score", body | ({"request_id": request} if request else {})).json()

    def mlflow(self, method: str, route: str, body: dict) -> dict:
        """One call of MLflow's REST API."""
        url = f"http://{self.address('oo-mlflow')}:5000/api/2.0/mlflow/{route}"
        reply = httpx.request(method, url, json=body, headers={"host": "oo-mlflow"}, timeout=30)
        assert reply.status_code == 200, reply.text
        return reply.json()


def uids(pods: list[dict]) -> set[str]:
    return {pod["metadata"]["uid"] for pod in pods}


def environment() -> None:
    """KUBECONFIG and the programs of the test cluster, unless the caller names another cluster."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    state = Path(os.environ.get("OO_CLUSTER_DIR") or cache / "oo-ml-cluster")
    os.environ.setdefault("KUBECONFIG", str(state / "kubeconfig"))
    os.environ["PATH"] = f"{state / 'bin'}{os.pathsep}{os.environ['PATH']}"


@contextlib.contextmanager
def frozen_pods(pods: list[dict]):
    """Every process of these pods, frozen. Only where the node is this machine can they be seen."""
    told = uids(pods)
    pids = [int(place.name) for place in Path("/proc").glob("[0-9]*") if any(of_pod(place, uid) for uid in told)]
    if not pids:
        pytest.skip("the pods' processes cannot be seen from here, so none can be frozen")
    with stopped(pids):
        yield


def of_pod(process: Path, uid: str) -> bool:
    try:
        return uid in (process / "cgroup").read_text() and b"/pause" not in (process / "cmdline").read_bytes()
    except OSError:  # it has just ended
        return False


def leftovers() -> list[str]:
    """What is left of us: in our namespace, cluster-wide, and where Envoy Gateway runs our Envoys."""
    kinds = run("kubectl", "api-resources", "--namespaced", "--verbs=list", "--output=name").split()
    ours = ",".join(kind for kind in kinds if not kind.startswith("events"))
    there = kubectl("get", ours, "--ignore-not-found", "--output=name").split()
    wide = run("kubectl", "get", "clusterstoragecontainers", "-l", "app.kubernetes.io/part-of=oo-ml", "--output=name")
    selector = f"gateway.envoyproxy.io/owning-gateway-namespace={NAMESPACE}"
    envoys = run("kubectl", "get", "-n", "envoy-gateway-system", "deploy,svc,pod", "-l", selector, "--output=name")
    every_namespace_has = {"serviceaccount/default", "configmap/kube-root-ca.crt"}
    return sorted({*there, *wide.split(), *envoys.split()} - every_namespace_has)
