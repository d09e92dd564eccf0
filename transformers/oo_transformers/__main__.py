"""This module starts the transformer.

KServe appends --model_name, --predictor_host and --http_port; the rest is environment.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from oo_contracts.refusal import refuse_start
from oo_decisions.experiment_overlay import Definition, definitions_by_key, require_known_prompts
from oo_decisions.prompt_choice import default_prompt_version
from oo_experiments.assignment.experiment import BadExperiment, load_experiments
from oo_prompts.prompt_registry import PromptError, find_prompt, load_prompts
from oo_serving.kserve_import import refuse_unknown

from oo_transformers.bootstrap import TransformerConfig, run
from oo_transformers.settings import TransformerSettings

PROGRAM = "oo_transformers"


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Return the arguments of the command line; a misspelt one ends the process with exit code 2."""
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
    args, rest = parser.parse_known_args(argv)
    refuse_unknown(parser, rest)
    return args


def _host(text: str) -> str:
    """Return the text, if it is HOST or HOST:PORT and nothing else.

    Raises:
        argparse.ArgumentTypeError: it is not.
    """
    refusal = argparse.ArgumentTypeError(f"not HOST[:PORT]: {text!r}")
    try:
        url = urlsplit(f"//{text}")
        if url.netloc != text or "@" in text or not url.hostname or url.port == 0:
            raise refusal
    except ValueError:
        raise refusal from None
    return text


def settings(environ: Mapping[str, str]) -> TransformerSettings:
    """Return the settings of the environment.

    Raises:
        PromptError: DEFAULT_PROMPT_VERSION is set under a name with our prefix.
        SystemExit: a variable is misspelt or has a wrong value.
    """
    if "OO_TRANSFORMER_DEFAULT_PROMPT_VERSION" in environ:
        raise PromptError("is read without the prefix OO_TRANSFORMER_")
    default = environ.get("DEFAULT_PROMPT_VERSION") or None
    return TransformerSettings.read_or_exit(PROGRAM, environ, default_prompt_version=default)


def load_files(folder: Path, prompts: frozenset[str]) -> dict[str, Definition]:
    """Return the definitions in the files of a folder by key, as they are before NATS adds any.

    Raises:
        BadExperiment: a file is no experiment, or names a prompt version that does not exist.
    """
    definitions = definitions_by_key(*load_experiments(folder))
    for item in definitions.values():
        require_known_prompts(item, prompts)
    return definitions


def main() -> None:
    """Parse the arguments, check everything that can be wrong, then serve."""
    args = arguments(sys.argv[1:])
    try:
        transformer_settings = settings(os.environ)
        prompts = load_prompts()
        find_prompt(default_prompt_version(transformer_settings.default_prompt_version), prompts)
        definitions = load_files(transformer_settings.experiments, frozenset(prompts))
    except PromptError as error:
        refuse_start(PROGRAM, f"DEFAULT_PROMPT_VERSION: {error}")
    except BadExperiment as error:
        refuse_start(PROGRAM, f"OO_TRANSFORMER_EXPERIMENTS: {error}")
    config = TransformerConfig(args.model_name, args.predictor_host, transformer_settings, prompts, definitions)
    run(config, args.http_port)


if __name__ == "__main__":
    main()
