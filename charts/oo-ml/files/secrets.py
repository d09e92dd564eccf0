"""Make the Secret NAME with random passwords, unless it is there: secrets.py NAME."""

import json
import os
import secrets
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

MOUNTED = Path("/var/run/secrets/kubernetes.io/serviceaccount")
OWNER = "oo-secrets"
THEN = Path(__file__).with_name("then")  # goes or stays, when the release goes
CONFLICT = 409


def main(name: str) -> None:
    passwords = {"postgres-password": secrets.token_hex(24), "litellm-key": f"sk-{secrets.token_hex(24)}"}
    labels = {"app.kubernetes.io/part-of": "oo-ml", "app.kubernetes.io/component": "secrets"}
    meta = {"name": name, "labels": labels, "ownerReferences": [owner()] if THEN.read_text() == "goes" else []}
    try:
        ask("secrets", {"metadata": meta, "stringData": passwords})
    except urllib.error.HTTPError as error:
        if error.code != CONFLICT:
            sys.exit(f"{name}: {error.code} {error.read().decode(errors='replace')}")
        print(f"{name} is there; nothing to do")
    else:
        print(f"{name} made")


def owner() -> dict:
    """With this ServiceAccount the Secret goes."""
    uid = ask(f"serviceaccounts/{OWNER}")["metadata"]["uid"]
    return {"apiVersion": "v1", "kind": "ServiceAccount", "name": OWNER, "uid": uid}


def ask(path: str, body: dict | None = None) -> dict:
    """One call of the Kubernetes API, in this pod's namespace."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    namespace = (MOUNTED / "namespace").read_text()
    headers = {"authorization": f"Bearer {(MOUNTED / 'token').read_text()}", "content-type": "application/json"}
    url = f"https://{host}:{port}/api/v1/namespaces/{namespace}/{path}"
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None, headers)
    trusted = ssl.create_default_context(cafile=str(MOUNTED / "ca.crt"))
    with urllib.request.urlopen(request, timeout=10, context=trusted) as reply:
        return json.load(reply)


if __name__ == "__main__":
    main(sys.argv[1])
