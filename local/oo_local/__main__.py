"""`oo-ml`, also as `python -m oo_local`."""

from __future__ import annotations

from oo_local.cli import app

__all__ = ["main"]


def main() -> None:
    """The command line."""
    app(prog_name="oo-ml")


if __name__ == "__main__":
    main()
