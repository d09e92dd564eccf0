"""A predictor of no model, for test_bluegreen.py: its version, whose end says how it behaves, and its ports."""

import asyncio
import json
import signal
import sys
import time

VERSION, PORTS = sys.argv[1], [int(port) for port in sys.argv[2:]]
seen = {"version": VERSION, "copies": 0}


async def answer(reader, writer, *, shadow):
    """HTTP/1.1 with keep-alive, until the caller goes."""
    while head := (await head_of(reader)):
        lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        await reader.readexactly(int(headers.get("content-length", 0)))
        await asyncio.sleep(float(headers.get("x-take", 0)))
        seen["copies"] += shadow
        status, text = body(lines[0].split()[1])
        writer.write(f"HTTP/1.1 {status} x\r\ncontent-length: {len(text)}\r\n\r\n{text}".encode())
        await writer.drain()
    writer.close()


async def head_of(reader):
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


def body(path):
    if path == "/copies":
        return 200, json.dumps(seen)
    if path == "/healthz/ready":
        return (503 if VERSION.endswith("never") else 200), ""
    if path == "/v2/models/tip-ranker":
        said = "7" if VERSION.endswith("lies") else VERSION
        features = "features@9" if VERSION.endswith("other") else "features@1"
        properties = {"version": said, "feature_set": features}
        return (404, "") if VERSION.endswith("mute") else (200, json.dumps({"properties": properties}))
    return 200, VERSION


async def main():
    for port in PORTS:
        shadow = port != PORTS[0]
        await asyncio.start_server(lambda r, w, s=shadow: answer(r, w, shadow=s), "127.0.0.1", port)
    await asyncio.Event().wait()


if VERSION.endswith("ends"):
    sys.exit(3)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # at once: whoever still calls is cut off
time.sleep(3 if VERSION.endswith("slow") else 0)
asyncio.run(main())
