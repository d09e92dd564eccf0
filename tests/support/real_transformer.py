"""The transformer as a process, with a predictor that says what it is asked for and a NATS that may come later."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
from real_nats import Nats
from waiting import eventually, free_port, listens

__all__ = ["ASK", "COMMAND", "Edge", "started"]

COMMAND = [sys.executable, "-P", "-m", "oo_transformers"]
ASK = {"user_id": "u-1", "tasks": [{"id": "t-1", "content": "Pay the rent"}, {"id": "t-2", "content": "Call"}]}


class Stub(BaseHTTPRequestHandler):
    """A predictor by the Open Inference Protocol: as many values as rows."""

    protocol_version = "HTTP/1.1"
    delay = 0.0

    def do_POST(self):
        parsed_json = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.set()
        time.sleep(self.delay)
        values = [place / 10 for place in range(parsed_json["inputs"][0]["shape"][0])]
        answer = {"model_name": "tip-ranker", "model_version": "3", "parameters": parsed_json["parameters"]}
        body = json.dumps(answer | {"outputs": [{"name": "values", "data": values}]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Edge:
    """The process, its predictor's port, and a NATS that may come later."""

    def __init__(self, folder, *arguments, **environ):
        self.port, self.model_port, self.nats = free_port(), free_port(), Nats(folder)
        told = {
            "OO_TRANSFORMER_HOST": "127.0.0.1",
            "OO_TRANSFORMER_NATS_URL": self.nats.url,
            "OO_TRANSFORMER_BUDGET_MS": "10000",  # what degrades an answer here is a fault, and not the machine
            "OO_TRANSFORMER_LLM_URL": f"http://127.0.0.1:{free_port()}",
        }
        words = ["--predictor_host", f"127.0.0.1:{self.model_port}", "--http_port", str(self.port), *arguments]
        self.process = subprocess.Popen([*COMMAND, *words], env=os.environ | told | environ)
        self.predictor = None

    def start_predictor(self, delay=0.0):
        handler = type("Slow", (Stub,), {"delay": delay})
        self.predictor = ThreadingHTTPServer(("127.0.0.1", self.model_port), handler)
        self.predictor.daemon_threads, self.predictor.asked = True, threading.Event()
        threading.Thread(target=self.predictor.serve_forever, daemon=True).start()

    def post(self, path, body, **more):
        return httpx2.post(f"http://127.0.0.1:{self.port}{path}", json=body, timeout=20, **more)

    def send(self, path, content, headers=()):
        sent = {"content-type": "application/json", **dict(headers)}
        return httpx2.post(f"http://127.0.0.1:{self.port}{path}", content=content, headers=sent, timeout=40)

    @contextlib.contextmanager
    def in_background(self, path, content):
        """A call beside the block; its answer when the block is left."""
        answers = []
        call = threading.Thread(target=lambda: answers.append(self.send(path, content)))
        call.start()
        yield answers
        call.join()

    def get(self, path):
        return httpx2.get(f"http://127.0.0.1:{self.port}{path}", timeout=20)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        if self.predictor is not None:
            self.predictor.shutdown()
            self.predictor.server_close()
        if self.nats.process is not None:
            self.nats.stop()


def started(folder, *arguments, **environ):
    """An edge that listens."""
    edge = Edge(folder, *arguments, **environ)
    assert eventually(lambda: listens(edge.port), patience=60)
    return edge
