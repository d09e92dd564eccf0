"""Envoy's configuration: the ingress in front of the transformers, and the split in front of the predictors.

Listeners, routes and clusters are files that Envoy watches: a file moved into place takes effect at once, so weights
and mirror change without a restart. Two Envoys share both ports; either may go away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from oo_local.envoy_resources import TYPES, Json, address, cluster, listener, resources
from oo_local.layout import SLOTS, Layout, shadow_of

__all__ = ["Split", "bootstrap", "write", "write_split"]

ELSEWHERE = TYPES + "extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
RETRY = {
    "retry_on": "connect-failure,refused-stream,reset-before-request",
    "num_retries": 2,
    "retry_host_predicate": [{"name": "elsewhere", "typed_config": {"@type": ELSEWHERE}}],
    "host_selection_retry_max_attempts": 3,
}
ROUTES = Path(__file__).parents[2] / "charts" / "oo-ml" / "files" / "routes.yaml"  # the chart's own list


@dataclass(frozen=True, slots=True)
class Split:
    """The slots of the layout that the calls for predictions go to; `challenger` is None without one."""

    predictor: str = "predictor"
    challenger: str | None = None


def bootstrap(layout: Layout, name: str) -> Json:
    """Return what one Envoy is started with; everything else is in the watched files."""
    folder = layout.run / "envoy"
    source = {"path_config_source": {"path": f"{folder}/lds.json", "watched_directory": {"path": str(folder)}}}
    clusters = {"path_config_source": {"path": f"{folder}/cds.json", "watched_directory": {"path": str(folder)}}}
    return {
        "node": {"id": name, "cluster": "oo-ml"},
        "admin": {"address": address(layout.at(name))},
        "dynamic_resources": {"lds_config": source, "cds_config": clusters},
    }


def write(layout: Layout, values: Mapping[str, Any], split: Split) -> None:
    """Write all files; the split's routes follow the rollout's values."""
    folder = layout.run / "envoy"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("envoy-1", "envoy-2"):
        _place(folder / f"{name}.json", bootstrap(layout, name))
    listeners = [
        listener("ingress", layout.at("ingress"), {"route_config": _entry(values)}),
        listener("split", layout.at("split"), {"rds": _watched(folder, "split")}),
    ]
    _place(folder / "cds.json", resources("config.cluster.v3.Cluster", _clusters(layout)))
    write_split(layout, values, split)
    _place(folder / "lds.json", resources("config.listener.v3.Listener", listeners))


def write_split(layout: Layout, values: Mapping[str, Any], split: Split) -> str:
    """Write only the split, which takes effect at once; return the version that Envoy reports when it has taken it
    over."""
    routes = resources("config.route.v3.RouteConfiguration", [_split(values, split)])
    version = hashlib.sha256(json.dumps(routes).encode()).hexdigest()[:16]
    _place(layout.run / "envoy" / "rds.json", {"version_info": version, **routes})
    return version


def _entry(values: Mapping[str, Any]) -> Json:
    timeout = f"{values['ingress']['timeoutSeconds']}s"
    route = {"cluster": "transformer", "timeout": timeout, "retry_policy": RETRY}
    return _only("entry", route)


def _split(values: Mapping[str, Any], split: Split) -> Json:
    """Return the routes with weights and mirror between the champion's predictor and the challenger's."""
    rollout = values["rollout"]["challenger"]
    timeout = f"{values['ingress']['inferenceTimeoutSeconds']}s"
    shares = [{"name": split.predictor, "weight": 100}]
    route: Json = {"weighted_clusters": {"clusters": shares}, "timeout": timeout, "retry_policy": RETRY}
    if split.challenger is not None:
        shares[0]["weight"] = 100 - rollout["weight"]
        shares.append({"name": split.challenger, "weight": rollout["weight"]})
        if rollout["mirrorPercent"]:
            share = {"default_value": {"numerator": rollout["mirrorPercent"], "denominator": "HUNDRED"}}
            route["request_mirror_policies"] = [{"cluster": shadow_of(split.challenger), "runtime_fraction": share}]
    return _only("split", route)


def _only(name: str, route: Json) -> Json:
    """Return a route configuration of the listed paths; a path that is not on the list is a 404."""
    paths = yaml.safe_load(ROUTES.read_text())[name]
    routes = [{"match": {"path": path}, "route": route} for path in paths]
    return {"name": name, "virtual_hosts": [{"name": name, "domains": ["*"], "routes": routes}]}


def _clusters(layout: Layout) -> list[Json]:
    return [
        cluster("transformer", [layout.at("transformer-1"), layout.at("transformer-2")], "/healthz/ready"),
        *(cluster(slot, [layout.at(slot)]) for slots in SLOTS.values() for slot in slots),
        *(cluster(shadow_of(slot), [layout.at(shadow_of(slot))]) for slot in SLOTS["challenger"]),
    ]


def _watched(folder: Path, name: str) -> Json:
    source = {"path": f"{folder}/rds.json", "watched_directory": {"path": str(folder)}}
    return {"route_config_name": name, "config_source": {"path_config_source": source}}


def _place(path: Path, content: Json) -> None:
    """Write beside, then move, so that Envoy never reads half a file."""
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(content, indent=1))
    beside.replace(path)
