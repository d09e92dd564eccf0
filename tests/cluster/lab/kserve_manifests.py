"""Fit KServe's rendered chart to a cluster without cert-manager: YAML in, YAML out.

Its webhooks get the cluster's own authority. With --image the manager is that image alone, without the proxy beside it.
"""

from __future__ import annotations

import argparse
import base64
import sys
from pathlib import Path
from typing import Any

import yaml


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ca", type=Path, required=True)
    parser.add_argument("--image")
    args = parser.parse_args()
    authority = base64.b64encode(args.ca.read_bytes()).decode()
    documents = [
        item for item in yaml.safe_load_all(sys.stdin) if item and item["kind"] not in {"Certificate", "Issuer"}
    ]
    for item in documents:
        if item["kind"].endswith("WebhookConfiguration"):
            trust(item, authority)
        if item["kind"] == "Deployment" and args.image:
            shrink(item["spec"]["template"]["spec"], args.image)
    yaml.safe_dump_all(documents, sys.stdout)


def trust(item: dict[str, Any], authority: str) -> None:
    item["metadata"].pop("creationTimestamp", None)
    for hook in item["webhooks"]:
        hook["clientConfig"]["caBundle"] = authority


def shrink(pod: dict[str, Any], image: str) -> None:
    pod["containers"] = [container for container in pod["containers"] if container["name"] == "manager"]
    manager = pod["containers"][0]
    manager |= {"image": image, "imagePullPolicy": "Never"}
    manager["args"] = [word for word in manager["args"] if word != "--leader-elect"]
    manager["resources"] = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "500Mi"}}
    manager["readinessProbe"] |= {"initialDelaySeconds": 1, "periodSeconds": 1}


if __name__ == "__main__":
    main()
