"""Serve a model, or fetch one. KServe appends --model_name, --http_port and more; the rest is environment."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from oo_model_cards.artifact import ArtifactError
from oo_model_cards.version import NotFound, RegistryError, Unavailable
from oo_serving.server import Ports, kserve_model
from pydantic import ValidationError

from oo_predictors.parts import run
from oo_predictors.pins import NoPins, in_cluster
from oo_predictors.ranker import load
from oo_predictors.settings import PredictorSettings
from oo_predictors.source import Registry, Source, fetch, from_folder, from_reference

__all__ = ["main"]

MISUSED, REFUSED = 2, 3  # exit codes: the call is wrong; the model is
AGAIN = 2  # seconds between attempts to fetch


def serving(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m oo_predictors",
        description="Serve one model: Open Inference Protocol V1, V2 and gRPC. "
        "`python -m oo_predictors fetch mlflow://NAME@ALIAS FOLDER` only downloads and verifies it.",
        epilog="Everything else is environment: "
        + ", ".join(f"OO_PREDICTOR_{name.upper()}" for name in PredictorSettings.model_fields)
        + ". KServe's own arguments are accepted. Exit codes: 2 misused, 3 the model is refused.",
        allow_abbrev=False,
    )
    parser.add_argument("--model_name", default="tip-ranker", help="the name in the paths (default %(default)s)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--model_dir", type=Path, help="a model folder (default /mnt/models)")
    where.add_argument("--model_uri", help="mlflow://NAME@ALIAS or mlflow://NAME/VERSION")
    parser.add_argument("--http_port", type=int, default=8080, help="(default %(default)s)")
    parser.add_argument("--grpc_port", type=int, help="without it there is no gRPC")
    parser.add_argument("--shadow_port", type=int, help="HTTP too: what comes in here is a mirrored copy, role shadow")
    given, rest = parser.parse_known_args(argv)
    _refuse_misspelt(parser, rest)
    return given


def fetching(argv: Sequence[str]) -> argparse.Namespace:
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
    """Parse, check everything that can be wrong, then serve."""
    argv = sys.argv[1:]
    asked = fetching(argv[1:]) if argv[:1] == ["fetch"] else serving(argv)
    try:
        told = PredictorSettings.read(os.environ)
        if argv[:1] == ["fetch"]:
            done = _fetched(asked, told)
            print(f"version {done.version}, digest {done.digest}, in {done.folder}")  # noqa: T201  # the answer
            return
        ranker = load(_source(asked, told), told.feature_set)
    except ValidationError as error:
        first = error.errors()[0]
        _exit(f"OO_PREDICTOR_{str(first['loc'][0]).upper()}: {first['msg']}", MISUSED)
    except ValueError as error:
        _exit(str(error), MISUSED)
    except (ArtifactError, RegistryError) as error:
        _exit(f"refused: {error}", REFUSED)
    run(asked.model_name, ranker, told, Ports(asked.http_port, told.host, asked.grpc_port, asked.shadow_port))


def _fetched(asked: argparse.Namespace, told: PredictorSettings) -> Source:
    """Fetch, again and again for as long as it may take until there is a first champion, or MLflow is up."""
    end = time.monotonic() + asked.wait
    while True:
        try:
            pins = in_cluster(told.pod_name, told.pod_namespace) if told.pod_name else NoPins()
            return fetch(asked.reference, _registry(told), asked.folder, pins)
        except (NotFound, Unavailable) as error:
            if time.monotonic() >= end:
                raise
            print(f"oo_predictors: waiting: {error}", file=sys.stderr, flush=True)  # noqa: T201  # progress
            time.sleep(AGAIN)


def _source(asked: argparse.Namespace, told: PredictorSettings) -> Source:
    if asked.model_uri is None:
        return from_folder(asked.model_dir or Path("/mnt/models"))
    return from_reference(asked.model_uri, partial(_registry, told), told.cache_dir)


def _registry(told: PredictorSettings) -> Registry:
    """MLflow takes seconds to import: only who has to ask it does. It shall not hold up a start that has a pin."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from oo_model_cards.registry import Registry as Mlflow  # noqa: PLC0415  # as above

    return Mlflow(told.tracking_uri)


def _refuse_misspelt(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """What neither we nor KServe know is a misspelling, not something to ignore."""
    if not rest:
        return
    kserve_model()
    from kserve.model_server import parser as kserve_parser  # noqa: PLC0415  # it parses sys.argv when imported

    unknown = kserve_parser.parse_known_args(rest)[1]
    if unknown:
        parser.error(f"unknown argument: {unknown[0]}")


def _exit(text: str, code: int) -> NoReturn:
    print(f"oo_predictors: {text}", file=sys.stderr)  # noqa: T201  # a refusal is one line
    sys.exit(code)


if __name__ == "__main__":
    main()
