"""Reactions become rewards here and nowhere else. Reactions are stored; rewards are derived, by a versioned table.

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

__all__ = ["REWARDS", "BadRewards", "Reaction", "RewardTable", "released"]

Reaction = Literal["shown", "clicked", "completed", "snoozed", "dismissed"]
Aggregate = Literal["max", "min", "sum"]
TABLES = Path(__file__).parent / "reward_tables"

# Each gives the same number, bit for bit, in whatever order the reactions came: fsum rounds once.
AGGREGATES: Mapping[Aggregate, Callable[[Iterable[float]], float]] = {"max": max, "min": min, "sum": math.fsum}


class BadRewards(ValueError):
    """No such table, or a file that is none; the message names the field."""


class RewardTable(BaseModel):
    """What each reaction is worth, how several of one round count together, and how long a shown tip may wait for one.

    >>> REWARDS.reward(["shown", "clicked", "completed"]), REWARDS.reward(["shown"])
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
        return {kind: worth + 0.0 for kind, worth in values.items()}  # -0.0 and 0.0 have no greater one

    @classmethod
    def read(cls, what: str | Path) -> Self:
        """A released version by its name, or a table of one's own by its file.

        Raises:
            BadRewards: there is none, or it is not a reward table.
        """
        path = TABLES / f"{what}.toml" if str(what) in released() else Path(what)
        try:
            return cls.model_validate(tomllib.loads(path.read_text()))
        except OSError:
            raise BadRewards(f"{what} is no file and no version; there are {', '.join(released())}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadRewards(f"{what} is not TOML: {error}") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "table"
            raise BadRewards(f"{what}: {where}: {first['msg']}") from None

    @property
    def wait(self) -> timedelta:
        return timedelta(hours=self.wait_hours)

    def reward(self, reactions: Iterable[Reaction]) -> float:
        """The round's reward: each kind of reaction counts once, however often it came.

        Raises:
            ValueError: no reaction at all; a tip that was never shown teaches nothing.
        """
        worth = [self.values[kind] for kind in set(reactions)]
        if not worth:
            raise ValueError("a round without a reaction has no reward")
        return AGGREGATES[self.aggregate](worth)


def released() -> tuple[str, ...]:
    """The versions in this package."""
    return tuple(sorted(path.stem for path in TABLES.glob("*.toml")))


REWARDS = RewardTable.read("v1")
