"""This module alone turns reactions into rewards.

Reactions are stored; a versioned table derives rewards.

So a late reaction corrects the past, and a new table re-values all of it (`oo-ml rewards compare`).
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from oo_contracts.wire import Name

__all__ = ["DEFAULT_REWARDS", "BadRewards", "Reaction", "RewardTable", "released_versions"]

Reaction = Literal["shown", "clicked", "completed", "snoozed", "dismissed"]
Aggregate = Literal["max", "min", "sum"]
TABLES_DIR = Path(__file__).parent / "reward_tables"

# Each gives the same number, bit for bit, in whatever order the reactions came: fsum rounds once.
AGGREGATES: Mapping[Aggregate, Callable[[Iterable[float]], float]] = {"max": max, "min": min, "sum": math.fsum}


class BadRewards(ValueError):
    """There is no such reward table, or the file is not one; the message names the field."""


class RewardTable(BaseModel):
    """The value of each reaction, how those in one round combine, and how long a round waits for them.

    >>> DEFAULT_REWARDS.reward(["shown", "clicked", "completed"]), DEFAULT_REWARDS.reward(["shown"])
    (1.0, 0.0)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Name
    aggregate: Aggregate
    wait_hours: Annotated[float, Field(gt=0, le=24 * 90)]
    values: dict[Reaction, Annotated[float, Field(ge=-1, le=1)]]

    @field_validator("values")
    @classmethod
    def _complete(cls, values: dict[Reaction, float]) -> dict[Reaction, float]:
        missing = sorted(set(get_args(Reaction)) - set(values))
        if missing:
            raise ValueError(f"no value for {', '.join(missing)}")
        # Adding 0.0 turns -0.0 into 0.0: of the two, `max` and `min` return whichever came first.
        return {reaction: value + 0.0 for reaction, value in values.items()}

    @classmethod
    def read(cls, source: str | Path) -> Self:
        """Return a released version by its name, or the table in a file by its path.

        Raises:
            BadRewards: there is no such version or file, or the file is not a reward table.
        """
        path = TABLES_DIR / f"{source}.toml" if str(source) in released_versions() else Path(source)
        try:
            return cls.model_validate(tomllib.loads(path.read_text()))
        except OSError:
            raise BadRewards(
                f"{source} is no file and no version; there are {', '.join(released_versions())}"
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadRewards(f"{source} is not TOML: {error}") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "table"
            raise BadRewards(f"{source}: {where}: {first['msg']}") from None

    @property
    def wait(self) -> timedelta:
        """The time after which a round that was shown is closed."""
        return timedelta(hours=self.wait_hours)

    def reward(self, reactions: Iterable[Reaction]) -> float:
        """Return the reward of a round; each kind of reaction counts once, however often it came.

        Raises:
            ValueError: there is no reaction at all; a tip that was never shown has no reward.
        """
        values = [self.values[reaction] for reaction in set(reactions)]
        if not values:
            raise ValueError("a round without a reaction has no reward")
        return AGGREGATES[self.aggregate](values)


def released_versions() -> tuple[str, ...]:
    """Return the sorted names of the reward tables that this package contains."""
    return tuple(sorted(path.stem for path in TABLES_DIR.glob("*.toml")))


DEFAULT_REWARDS = RewardTable.read("v1")
