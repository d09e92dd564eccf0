"""The admin interface of the two Envoys: which split they route by, and how many calls are under way."""

from __future__ import annotations

import http.client
import json
import re
import urllib.request
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from oo_local.layout import Layout

__all__ = ["active_calls", "split_taken_over"]

ENVOYS = ("envoy-1", "envoy-2")
TIMEOUT_S = 2.0


def split_taken_over(layout: Layout, version: str) -> bool:
    """Return whether every Envoy that runs routes by this version of the split; one that starts will read it."""
    return all(version in _split_versions(layout, name) for name in ENVOYS if _listens(layout, name))


def active_calls(layout: Layout, clusters: Iterable[str]) -> int:
    """Return the number of calls that some Envoy has passed on to the clusters and that are not answered yet."""
    names = "|".join(map(re.escape, clusters))
    query = "stats?format=json&filter=" + quote(f"^cluster\\.({names})\\.upstream_rq_active$")
    replies = [_get(layout, name, query) for name in ENVOYS]
    return sum(item["value"] for reply in replies if reply for item in reply["stats"] if "value" in item)


def _split_versions(layout: Layout, name: str) -> set[str]:
    dump = _get(layout, name, "config_dump?resource=dynamic_route_configs") or {}
    return {config.get("version_info", "") for config in dump.get("configs", ())}


def _listens(layout: Layout, name: str) -> bool:
    """Return whether the Envoy's process is there: one that is gone refuses the connection, one that hangs does not."""
    try:
        _open(layout, name, "ready").close()
    except ConnectionRefusedError:
        return False
    except http.client.HTTPException:
        return True
    except OSError as error:
        return not isinstance(getattr(error, "reason", None), ConnectionRefusedError)
    return True


def _get(layout: Layout, name: str, path: str) -> dict[str, Any] | None:
    """Return the JSON of an admin page; None when the Envoy does not answer."""
    try:
        with _open(layout, name, path) as reply:
            parsed_json: dict[str, Any] = json.load(reply)
            return parsed_json
    except (OSError, http.client.HTTPException, ValueError):
        return None


def _open(layout: Layout, name: str, path: str) -> Any:
    return urllib.request.urlopen(f"{layout.url(name)}/{path}", timeout=TIMEOUT_S)  # noqa: S310  # loopback
