"""The resources of Envoy's API as JSON: a listener, a cluster, an address, and a file of any of them."""

from __future__ import annotations

from typing import Any

__all__ = ["TYPES", "Json", "address", "cluster", "listener", "resources"]

TYPES = "type.googleapis.com/envoy."
HTTP = TYPES + "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = {"name": "router", "typed_config": {"@type": TYPES + "extensions.filters.http.router.v3.Router"}}
CHECK = {
    "timeout": "1s",
    "interval": "1s",
    "no_traffic_interval": "1s",  # a minute by default, for which an endpoint that was not up at first would stay away
    "unhealthy_threshold": 2,  # one slow answer on a busy machine is no outage
    "healthy_threshold": 1,
}
Json = dict[str, Any]


def listener(name: str, port: int, routes: Json) -> Json:
    """Return a listener that both Envoys bind (SO_REUSEPORT), and that keeps the caller's x-request-id."""
    manager = {
        "@type": HTTP,
        "stat_prefix": name,
        "http_filters": [ROUTER],
        "preserve_external_request_id": True,
        "use_remote_address": True,
        "normalize_path": True,
        "http_protocol_options": {"accept_http_10": True, "default_host_for_http_10": "oo-ml"},
        "local_reply_config": _problems(),
        **routes,
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    return {"name": name, "address": address(port), "enable_reuse_port": True, "filter_chains": [chain]}


def _problems() -> Json:
    """Return the form of Envoy's own responses: problem+json, and retry-after for an outage."""
    retry = {"header": {"key": "retry-after", "value": "1"}}
    return {
        "mappers": [
            {"filter": _is_status(503), "headers_to_add": [retry]},
            {
                "filter": _is_status(501),
                "status_code": 400,
            },  # the body has an unknown coding, which is the caller's error
        ],
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


def _is_status(code: int) -> Json:
    value = {"default_value": code, "runtime_key": "none"}
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}


def cluster(name: str, ports: list[int], health: str | None = None) -> Json:
    """Return a cluster of endpoints on this machine; with `health`, a path by which each is checked all the time."""
    endpoints = [{"endpoint": {"address": address(port)}} for port in ports]
    definition: Json = {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "0.25s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
    }
    if health is not None:
        definition["common_lb_config"] = {
            "update_merge_window": "0s"
        }  # a second by default, in which a returned endpoint gets no calls
        definition["health_checks"] = [{**CHECK, "http_health_check": {"path": health}}]
    return definition


def address(port: int) -> Json:
    """Return the address of a port of this machine."""
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def resources(kind: str, items: list[Json]) -> Json:
    """Return the content of a file that Envoy watches: items of one type, such as `config.cluster.v3.Cluster`."""
    return {"resources": [{"@type": TYPES + kind, **item} for item in items]}
