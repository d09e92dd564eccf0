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
            said = str(error)
            if time.monotonic() > end:
                sys.exit(f"{url}/score: {error}")
            time.sleep(2)
    print(json.dumps(said, indent=2))
    if said["chosen"] != TASK["id"] or said["degraded"] is not None:
        sys.exit(f"not a sound answer: degraded is {said['degraded']}")


def score(url: str, host: str) -> dict:
    body = json.dumps({"user_id": "helm-test", "tasks": [TASK]}).encode()
    headers = {"content-type": "application/json"} | ({"host": host} if host else {})
    inside = ssl._create_unverified_context() if url.startswith("https") else None  # the entry's name is not the Service's
    with urllib.request.urlopen(urllib.request.Request(url + "/score", body, headers), timeout=20, context=inside) as reply:
        return json.load(reply)


main(*sys.argv[1:])
