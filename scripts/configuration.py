"""Write the tables of docs/configuration.md from the settings themselves; `--check` says whether they are current."""

from __future__ import annotations

import sys
from pathlib import Path

from oo_consumers.settings import ConsumerSettings
from oo_contracts.settings import Settings
from oo_pipelines.settings import PipelineSettings
from oo_predictors.settings import PredictorSettings
from oo_transformers.settings import TransformerSettings

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "configuration.md"
OPEN = "<!-- configuration: written by `python -P scripts/configuration.py` -->"
CLOSE = "<!-- /configuration -->"
SERVICES: dict[str, type[Settings]] = {
    "Transformer": TransformerSettings,
    "Predictor": PredictorSettings,
    "Consumers": ConsumerSettings,
    "Pipelines": PipelineSettings,
}


def tables() -> str:
    """One row for each variable: service, name, default, meaning."""
    rows = [row(service, settings, name) for service, settings in SERVICES.items() for name in settings.model_fields]
    return "\n".join(["| service | variable | default | meaning |", "|---|---|---|---|", *rows])


def row(service: str, settings: type[Settings], name: str) -> str:
    field = settings.model_fields[name]
    variable = "DEFAULT_PROMPT_VERSION" if name == "default_prompt_version" else f"{settings.prefix}{name.upper()}"
    default = "" if field.default in {None, ""} else f"`{shown(field.default)}`"
    return f"| {service} | `{variable}` | {default} | {field.description} |"


def shown(default: object) -> str:
    """A packaged folder is named from the repository, wherever that is."""
    return str(default).replace(f"{ROOT}/", "")


def main() -> None:
    """Rewrite, or with `--check` compare."""
    before, rest = DOCUMENT.read_text().split(OPEN)
    after = rest.split(CLOSE)[1]
    text = f"{before}{OPEN}\n{tables()}\n{CLOSE}{after}"
    if "--check" in sys.argv[1:]:
        stale = "docs/configuration.md is not current: run `python -P scripts/configuration.py`"
        sys.exit(None if text == DOCUMENT.read_text() else stale)
    DOCUMENT.write_text(text)


if __name__ == "__main__":
    main()
