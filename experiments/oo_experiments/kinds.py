"""Which policies there are, by the names that files and events give them, and how each is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from oo_experiments.beliefs import Beliefs
from oo_experiments.floor import Floored
from oo_experiments.linear import LinTS, LinUCB
from oo_experiments.parameters import BadParameter, Parameter, parameters
from oo_experiments.policy import Baseline, EpsilonGreedy, Greedy, Policy, Uniform, UnknownPolicy
from oo_experiments.softmax import Softmax
from oo_experiments.squarecb import SquareCB
from oo_experiments.thompson import Thompson
from oo_experiments.ucb import UCB1

__all__ = ["KINDS", "Kind", "build", "logged"]


@dataclass(frozen=True, slots=True)
class Kind:
    """`beliefs` says which of them the policy acts by, so also what of a choice it looks at: its arms or contexts."""

    policy: Any
    beliefs: Literal["arms", "linear"] | None = None

    @property
    def name(self) -> str:
        """The policy's own name, as in events."""
        return str(self.policy.name)

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """Its own, and the floor that any policy may have."""
        return {**parameters(self.policy), "floor": Parameter(parameters(Floored)["floor"].bounds, 0.0)}


KINDS: Mapping[str, Kind] = {
    "uniform": Kind(Uniform),
    "greedy": Kind(Greedy),
    "baseline": Kind(Baseline),
    "epsilon_greedy": Kind(EpsilonGreedy),
    "softmax": Kind(Softmax),
    "squarecb": Kind(SquareCB),
    "thompson": Kind(Thompson, "arms"),
    "ucb1": Kind(UCB1, "arms"),
    "linucb": Kind(LinUCB, "linear"),
    "lints": Kind(LinTS, "linear"),
}


def build(kind: str, given: Mapping[str, float], beliefs: Beliefs | None = None) -> Policy:
    """A policy of its kind and parameters; without beliefs nothing is known yet.

    >>> build("squarecb", {"gamma": 50, "floor": 0.01}).version
    'gamma=50,floor=0.01'

    Raises:
        UnknownPolicy: there is no such kind.
        BadParameter: one that the kind does not have, or needs and was not given, or that is out of its bounds.
    """
    if kind not in KINDS:
        raise UnknownPolicy(f"{kind} is none of {', '.join(KINDS)}")
    wanted = KINDS[kind].parameters
    for name in given:
        if name not in wanted:
            raise BadParameter(name, f"is no parameter of {kind}, which has {', '.join(wanted)}")
    for name, parameter in wanted.items():
        if parameter.default is None and name not in given:
            raise BadParameter(name, f"is what {kind} needs: {parameter.bounds}")
    return _floored(KINDS[kind], {name: wanted[name].read(value) for name, value in given.items()}, beliefs)


def _floored(kind: Kind, given: Mapping[str, float], beliefs: Beliefs | None) -> Policy:
    own: dict[str, Any] = {name: value for name, value in given.items() if name != "floor"}
    if kind.beliefs:
        own["beliefs"] = beliefs or Beliefs()
    policy: Policy = kind.policy(**own)
    return Floored(policy, given["floor"]) if given.get("floor") else policy


def logged(name: str, version: str, beliefs: Beliefs | None = None) -> Policy:
    """The policy that an event names, with the beliefs that it acted by.

    >>> logged("epsilon-greedy", "0.1")
    EpsilonGreedy(epsilon=0.1)

    Raises:
        UnknownPolicy: there is none of that name and version here, or it acted by beliefs and they are not given.
    """
    kind = next((kind for kind, made in KINDS.items() if made.name == name), None)
    if kind is None:
        raise UnknownPolicy(f"{name} {version}")
    if KINDS[kind].beliefs and beliefs is None:
        raise UnknownPolicy(f"{name} {version} without its beliefs")
    try:
        found = build(kind, _read(KINDS[kind], version), beliefs)
    except ValueError:
        raise UnknownPolicy(f"{name} {version}") from None
    if found.version != version:
        raise UnknownPolicy(f"{name} {version}")
    return found


def _read(kind: Kind, version: str) -> dict[str, float]:
    """`a=1,b=2`; ε-greedy's version begins with the bare share, and one of a policy without parameters with a 1."""
    words = version.split(",")
    if kind.policy is EpsilonGreedy:
        words[0] = f"epsilon={words[0]}"
    elif not parameters(kind.policy):
        words = words[1:]
    return {name: float(value) for name, _, value in (word.partition("=") for word in words)}
