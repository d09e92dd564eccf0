"""The entry point of `oo-ml`, also as `python -m oo_cli`."""

from __future__ import annotations

from oo_cli.app import app

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    app(prog_name="oo-ml")


if __name__ == "__main__":
    main()
