"""This module serves a model, or fetches one.

KServe appends --model_name, --http_port and more; the rest is environment.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from oo_contracts.refusal import refuse_start
from oo_model_cards.artifact import ArtifactError
from oo_model_cards.version import NotFound, RegistryError, RegistryUnavailable
from oo_serving.kserve_import import refuse_unknown
from oo_serving.server import Ports

from oo_predictors.model_source import ModelSource, RegistryClient, fetch, from_folder, from_reference
from oo_predictors.pins import NoPins, Pins
from oo_predictors.predictor_bootstrap import run
from oo_predictors.served_model import load_model
from oo_predictors.settings import PredictorSettings

__all__ = ["main"]

PROGRAM = "oo_predictors"
EXIT_REFUSED = 3  # exit code of a model that is refused; misuse is 2
RETRY_DELAY_S = 2  # seconds between attempts to fetch


def serving(argv: Sequence[str]) -> argparse.Namespace:
    """Return the arguments of `python -m oo_predictors`; a misspelt one ends the process with exit code 2."""
    parser = argparse.ArgumentParser(
        prog="python -m oo_predictors",
        description="Serve one model: Open Inference Protocol V1, V2 and gRPC. "
        "`python -m oo_predictors fetch mlflow://NAME@ALIAS FOLDER` only downloads and verifies it.",
        epilog="Everything else is environment: "
        + ", ".join(PredictorSettings.variables())
        + ". KServe's own arguments are accepted. Exit codes: 2 misused, 3 the model is refused.",
        allow_abbrev=False,
    )
    parser.add_argument("--model_name", default="tip-ranker", help="the name in the paths (default %(default)s)")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--model_dir", type=Path, help="a model folder (default /mnt/models)")
    source.add_argument("--model_uri", help="mlflow://NAME@ALIAS or mlflow://NAME/VERSION")
    parser.add_argument("--http_port", type=int, default=8080, help="(default %(default)s)")
    parser.add_argument("--grpc_port", type=int, help="without it there is no gRPC")
    parser.add_argument("--shadow_port", type=int, help="HTTP too: what comes in here is a mirrored copy, role shadow")
    args, rest = parser.parse_known_args(argv)
    refuse_unknown(parser, rest)
    return args


def fetching(argv: Sequence[str]) -> argparse.Namespace:
    """Return the arguments of `python -m oo_predictors fetch`; a misspelt one ends the process with exit code 2."""
    parser = argparse.ArgumentParser(
        prog="python -m oo_predictors fetch",
        description="Download a registered model into a folder, verify it, and leave a pin that names its version.",
        epilog="MLflow is where OO_PREDICTOR_TRACKING_URI says.",
    )
    parser.add_argument("--wait", type=float, default=0, help="seconds to wait for the version to be there (default 0)")
    parser.add_argument("reference", help="mlflow://NAME@ALIAS or mlflow://NAME/VERSION")
    parser.add_argument("folder", type=Path, help="like /mnt/models; empty, or filled by an earlier fetch")
    return parser.parse_args(argv)


def main() -> None:
    """Parse the arguments, check everything that can be wrong, then serve (or fetch).

    The exit code is 2 when arguments or settings are wrong, and 3 when the model is refused.
    """
    argv = sys.argv[1:]
    args = fetching(argv[1:]) if argv[:1] == ["fetch"] else serving(argv)
    settings = PredictorSettings.read_or_exit(PROGRAM, os.environ)
    try:
        if argv[:1] == ["fetch"]:
            fetched = _fetch_source(args, settings)
            print(f"version {fetched.version}, digest {fetched.digest}, in {fetched.folder}")  # noqa: T201  # the answer
            return
        ranker = load_model(_source(args, settings), settings.feature_set)
    except ValueError as error:
        refuse_start(PROGRAM, str(error))
    except (ArtifactError, RegistryError) as error:
        refuse_start(PROGRAM, f"refused: {error}", EXIT_REFUSED)
    run(args.model_name, ranker, settings, Ports(args.http_port, settings.host, args.grpc_port, args.shadow_port))


def _fetch_source(args: argparse.Namespace, settings: PredictorSettings) -> ModelSource:
    """Fetch, and try again until the waiting time is over: there may be no champion yet, or MLflow may not be up."""
    deadline = time.monotonic() + args.wait
    while True:
        try:
            return fetch(args.reference, _registry(settings), args.folder, _pins(settings))
        except (NotFound, RegistryUnavailable) as error:
            if time.monotonic() >= deadline:
                raise
            print(f"oo_predictors: waiting: {error}", file=sys.stderr, flush=True)  # noqa: T201  # progress
            time.sleep(RETRY_DELAY_S)


def _pins(settings: PredictorSettings) -> Pins:
    """Return the pins of this pod's ReplicaSet; outside of a cluster there are none."""
    if not settings.pod_name:
        return NoPins()
    from oo_predictors.replica_set_pins import in_cluster  # noqa: PLC0415  # Kubernetes' client takes a second

    return in_cluster(settings.pod_name, settings.pod_namespace)


def _source(args: argparse.Namespace, settings: PredictorSettings) -> ModelSource:
    if args.model_uri is None:
        return from_folder(args.model_dir or Path("/mnt/models"))
    return from_reference(args.model_uri, partial(_registry, settings), settings.cache_dir)


def _registry(settings: PredictorSettings) -> RegistryClient:
    """Return MLflow's client. Its import takes seconds, and must not hold up a start that has a pin."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from oo_model_cards.registry import Registry as Mlflow  # noqa: PLC0415  # as above

    return Mlflow(settings.tracking_uri)


if __name__ == "__main__":
    main()
