"""Score one task through the entry of a release: test_score.py URL HOST. Tries for two minutes."""

import json
import ssl
import sys
import time
import urllib.request

TASK = {"id": "t-1", "content": "Pay the rent", "priority": 4}
PATIENCE = 120  # seconds


def main(url: str, host: str) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            said = score(url, host)
            break
        except OSError as error:
            if time.monotonic() > end:
                sys.exit(f"{url}/score: {error}")
            time.sleep(2)
    print(json.dumps(said, indent=2))
    if said["chosen"] != TASK["id"] or said["degraded"] is not None:
        sys.exit(f"not a sound answer: degraded is {said['degraded']}")


def score(url: str, host: str) -> dict:
    body = json.dumps({"user_id": "helm-test", "tasks": [TASK]}).encode()
    headers = {"content-type": "application/json"} | ({"host": host} if host else {})
    request = urllib.request.Request(f"{url}/score", body, headers)
    # A certificate is of the entry's public name, and this is called by the Service's.
    inside = ssl._create_unverified_context() if url.startswith("https") else None  # noqa: SLF001
    with urllib.request.urlopen(request, timeout=20, context=inside) as reply:
        return json.load(reply)


if __name__ == "__main__":
    main(*sys.argv[1:])
