"""Start the transformer. KServe appends --model_name, --predictor_host and --http_port; the rest is environment."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from oo_experiments.enrolment import Running
from oo_experiments.experiment import BadExperiment, load
from oo_prompts.registry import PromptError, select
from oo_prompts.registry import load as load_prompts
from oo_serving.server import kserve_unknown
from pydantic import ValidationError

from oo_transformers.live import usable
from oo_transformers.parts import Parts, run
from oo_transformers.settings import TransformerSettings


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m oo_transformers",
        description="The online edge: POST /score and POST /generate, and KServe's own routes, on one port.",
        epilog="Everything else is environment: "
        + ", ".join(
            f"OO_TRANSFORMER_{name.upper()}"
            for name in TransformerSettings.model_fields
            if name != "default_prompt_version"
        )
        + ", DEFAULT_PROMPT_VERSION. KServe's own arguments are accepted. Exit code 2: misused.",
        allow_abbrev=False,
    )
    parser.add_argument("--model_name", default="tip-ranker", help="the predictor's model (default %(default)s)")
    parser.add_argument(
        "--predictor_host", required=True, type=_host, help="HOST[:PORT] of the split in front of the predictors"
    )
    parser.add_argument("--http_port", type=int, default=8080, help="(default %(default)s)")
    given, rest = parser.parse_known_args(argv)
    if unknown := kserve_unknown(rest):
        parser.error(f"unknown argument: {unknown[0]}")
    return given


def _host(text: str) -> str:
    """HOST or HOST:PORT, with nothing else around it."""
    refusal = argparse.ArgumentTypeError(f"not HOST[:PORT]: {text!r}")
    try:
        url = urlsplit(f"//{text}")
        if url.netloc != text or "@" in text or not url.hostname or url.port == 0:
            raise refusal
    except ValueError:
        raise refusal from None
    return text


def settings(environ: Mapping[str, str]) -> TransformerSettings:
    if "OO_TRANSFORMER_DEFAULT_PROMPT_VERSION" in environ:
        raise PromptError("is read without the prefix OO_TRANSFORMER_")
    return TransformerSettings.read(environ, default_prompt_version=environ.get("DEFAULT_PROMPT_VERSION") or None)


def files(folder: Path, prompts: frozenset[str]) -> Running:
    experiments, holdout = load(folder)
    for item in experiments:
        usable(item, prompts)
    return Running(experiments, holdout)


def main() -> None:
    """Parse, check everything that can be wrong, then serve."""
    given = arguments(sys.argv[1:])
    try:
        told = settings(os.environ)
        prompts = load_prompts()
        select(None, told.default_prompt_version, prompts)
        running = files(told.experiments, frozenset(prompts))
    except ValidationError as error:
        first = error.errors()[0]
        sys.exit(_refusal(f"OO_TRANSFORMER_{str(first['loc'][0]).upper()}: {first['msg']}"))
    except PromptError as error:
        sys.exit(_refusal(f"DEFAULT_PROMPT_VERSION: {error}"))
    except BadExperiment as error:
        sys.exit(_refusal(f"OO_TRANSFORMER_EXPERIMENTS: {error}"))
    parts = Parts(given.model_name, given.predictor_host, told, prompts, running)
    run(parts, given.http_port)


def _refusal(text: str) -> int:
    print(f"oo_transformers: {text}", file=sys.stderr)  # noqa: T201  # a refusal is one line
    return 2


if __name__ == "__main__":
    main()
