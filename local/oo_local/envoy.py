"""Envoy's configuration: the ingress in front of the transformers, and the split in front of the predictors.

Listeners, routes and clusters are files that Envoy watches: a file moved into place takes effect at once, so weights
and mirror change without a restart. Two Envoys share both ports; either may go away.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oo_local.layout import Layout

__all__ = ["TYPES", "bootstrap", "write", "write_split"]

TYPES = "type.googleapis.com/envoy."
HTTP = TYPES + "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = {"name": "router", "typed_config": {"@type": TYPES + "extensions.filters.http.router.v3.Router"}}
ELSEWHERE = TYPES + "extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
RETRY = {
    "retry_on": "connect-failure,refused-stream,reset-before-request",
    "num_retries": 2,
    "retry_host_predicate": [{"name": "elsewhere", "typed_config": {"@type": ELSEWHERE}}],
    "host_selection_retry_max_attempts": 3,
}
CHECK = {
    "timeout": "1s",
    "interval": "1s",
    "no_traffic_interval": "1s",  # a minute else: who was looked for before it was there stays away for so long
    "unhealthy_threshold": 2,  # one slow answer on a busy machine is no outage
    "healthy_threshold": 1,
}
ENTRIES = ("/score", "/generate", "/v1/", "/v2/", "/healthz/")
Json = dict[str, Any]


def bootstrap(layout: Layout, name: str) -> Json:
    """What one Envoy is started with: everything else is in the watched files."""
    folder = layout.run / "envoy"
    source = {"path_config_source": {"path": f"{folder}/lds.json", "watched_directory": {"path": str(folder)}}}
    clusters = {"path_config_source": {"path": f"{folder}/cds.json", "watched_directory": {"path": str(folder)}}}
    return {
        "node": {"id": name, "cluster": "oo-ml"},
        "admin": {"address": _address(layout.at(name))},
        "dynamic_resources": {"lds_config": source, "cds_config": clusters},
    }


def write(layout: Layout, values: Mapping[str, Any], *, challenger: bool) -> None:
    """All files; the split's routes by the rollout's values."""
    folder = layout.run / "envoy"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("envoy-1", "envoy-2"):
        _place(folder / f"{name}.json", bootstrap(layout, name))
    listeners = [
        _listener("ingress", layout.at("ingress"), {"route_config": _entry(values)}),
        _listener("split", layout.at("split"), {"rds": _watched(folder, "split")}),
    ]
    _place(folder / "cds.json", _resources("config.cluster.v3.Cluster", _clusters(layout)))
    write_split(layout, values, challenger=challenger)
    _place(folder / "lds.json", _resources("config.listener.v3.Listener", listeners))


def write_split(layout: Layout, values: Mapping[str, Any], *, challenger: bool) -> None:
    """Only the split: takes effect at once."""
    folder = layout.run / "envoy"
    _place(
        folder / "rds.json", _resources("config.route.v3.RouteConfiguration", [_split(values, challenger=challenger)])
    )


def _entry(values: Mapping[str, Any]) -> Json:
    timeout = f"{values['ingress']['timeoutSeconds']}s"
    route = {"cluster": "transformer", "timeout": timeout, "retry_policy": RETRY}
    routes = [{"match": {"prefix": entry}, "route": route} for entry in ENTRIES]
    return {"name": "entry", "virtual_hosts": [{"name": "entry", "domains": ["*"], "routes": routes}]}


def _split(values: Mapping[str, Any], *, challenger: bool) -> Json:
    """Weights and mirror between the champion's predictor and the challenger's."""
    rollout = values["rollout"]["challenger"]
    weight = rollout["weight"] if challenger else 0
    shares = [{"name": "predictor", "weight": 100 - weight}, {"name": "challenger", "weight": weight}]
    timeout = f"{values['ingress']['inferenceTimeoutSeconds']}s"
    route: Json = {"weighted_clusters": {"clusters": shares}, "timeout": timeout, "retry_policy": RETRY}
    if challenger and rollout["mirrorPercent"]:
        share = {"default_value": {"numerator": rollout["mirrorPercent"], "denominator": "HUNDRED"}}
        route["request_mirror_policies"] = [{"cluster": "challenger-shadow", "runtime_fraction": share}]
    host = {"name": "split", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": route}]}
    return {"name": "split", "virtual_hosts": [host]}


def _listener(name: str, port: int, routes: Json) -> Json:
    """Both Envoys bind the port (SO_REUSEPORT); the caller's x-request-id is kept."""
    manager = {
        "@type": HTTP,
        "stat_prefix": name,
        "http_filters": [ROUTER],
        "preserve_external_request_id": True,
        "use_remote_address": True,
        "normalize_path": True,
        "local_reply_config": _problems(),
        **routes,
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    return {"name": name, "address": _address(port), "enable_reuse_port": True, "filter_chains": [chain]}


def _problems() -> Json:
    """What Envoy itself answers is problem+json too, and an outage says when to come again."""
    retry = {"header": {"key": "retry-after", "value": "1"}}
    outage = {"comparison": {"op": "EQ", "value": {"default_value": 503, "runtime_key": "none"}}}
    return {
        "mappers": [{"filter": {"status_code_filter": outage}, "headers_to_add": [retry]}],
        "body_format": {
            "json_format": {
                "type": "about:blank",
                "title": "the ingress could not pass the call on",
                "status": "%RESPONSE_CODE%",
                "detail": "%RESPONSE_FLAGS%",
            },
            "content_type": "application/problem+json",
        },
    }


def _clusters(layout: Layout) -> list[Json]:
    return [
        _cluster("transformer", [layout.at("transformer-1"), layout.at("transformer-2")], "/healthz/ready"),
        _cluster("predictor", [layout.at("predictor")]),
        _cluster("challenger", [layout.at("challenger")]),
        _cluster("challenger-shadow", [layout.at("challenger-shadow")]),
    ]


def _cluster(name: str, ports: list[int], health: str | None = None) -> Json:
    endpoints = [{"endpoint": {"address": _address(port)}} for port in ports]
    cluster: Json = {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "0.25s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
    }
    if health is not None:
        cluster["common_lb_config"] = {"update_merge_window": "0s"}  # a second else, in which who is back is not asked
        cluster["health_checks"] = [{**CHECK, "http_health_check": {"path": health}}]
    return cluster


def _watched(folder: Path, name: str) -> Json:
    source = {"path": f"{folder}/rds.json", "watched_directory": {"path": str(folder)}}
    return {"route_config_name": name, "config_source": {"path_config_source": source}}


def _address(port: int) -> Json:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _resources(kind: str, items: list[Json]) -> Json:
    return {"resources": [{"@type": TYPES + kind, **item} for item in items]}


def _place(path: Path, content: Json) -> None:
    """Written beside, then moved: Envoy never reads half a file."""
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(content, indent=1))
    beside.replace(path)
