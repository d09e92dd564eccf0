"""This module lists the policies that exist, by the names in files and events, and builds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from oo_experiments.policies.beliefs import Beliefs
from oo_experiments.policies.floor import PropensityFloor
from oo_experiments.policies.linear import LinTS, LinUCB
from oo_experiments.policies.parameters import BadParameter, Parameter, parameters
from oo_experiments.policies.policy import Baseline, EpsilonGreedy, Greedy, Policy, Uniform, UnknownPolicy
from oo_experiments.policies.softmax import Softmax
from oo_experiments.policies.spelling import did_you_mean
from oo_experiments.policies.squarecb import SquareCB
from oo_experiments.policies.thompson import Thompson
from oo_experiments.policies.ucb import UCB1

__all__ = ["POLICIES", "PolicyType", "build_policy", "parameter_errors", "policy_from_log"]


@dataclass(frozen=True, slots=True)
class PolicyType:
    """A kind of policy; `beliefs` names the part of them that it uses, which is also what it reads of an action set."""

    policy: Any
    beliefs: Literal["arms", "linear"] | None = None

    @property
    def name(self) -> str:
        """The policy's own name, as in events."""
        return str(self.policy.name)

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters of the policy, and the floor that any policy may have."""
        return {**parameters(self.policy), "floor": Parameter(parameters(PropensityFloor)["floor"].bounds, 0.0)}


POLICIES: Mapping[str, PolicyType] = {
    "uniform": PolicyType(Uniform),
    "greedy": PolicyType(Greedy),
    "baseline": PolicyType(Baseline),
    "epsilon_greedy": PolicyType(EpsilonGreedy),
    "softmax": PolicyType(Softmax),
    "squarecb": PolicyType(SquareCB),
    "thompson": PolicyType(Thompson, "arms"),
    "ucb1": PolicyType(UCB1, "arms"),
    "linucb": PolicyType(LinUCB, "linear"),
    "lints": PolicyType(LinTS, "linear"),
}


def build_policy(kind: str, parameters: Mapping[str, float], beliefs: Beliefs | None = None) -> Policy:
    """Return a policy of a kind and its parameters; without beliefs nothing is known yet.

    Raises:
        UnknownPolicy: there is no such kind.
        BadParameter: a parameter is unknown, missing, or out of its bounds.

    >>> build_policy("squarecb", {"gamma": 50, "floor": 0.01}).version
    'gamma=50,floor=0.01'
    """
    if kind not in POLICIES:
        raise UnknownPolicy(f"{kind} is none of {', '.join(POLICIES)}")
    for error in parameter_errors(kind, parameters):
        raise error
    declared = POLICIES[kind].parameters
    return _with_floor(
        POLICIES[kind], {name: declared[name].read(value) for name, value in parameters.items()}, beliefs
    )


def parameter_errors(kind: str, parameters: Mapping[str, float]) -> Iterator[BadParameter]:
    """Yield everything that is wrong with the parameters of a kind of policy, one by one."""
    declared = POLICIES[kind].parameters
    for name in parameters:
        if name not in declared:
            yield BadParameter(
                name, f"is no parameter of {kind}, which has {', '.join(declared)}{did_you_mean(name, declared)}"
            )
    for name, parameter in declared.items():
        if name in parameters and parameters[name] not in parameter.bounds:
            yield BadParameter(name, f"is {parameter.bounds}, not {parameters[name]}")
        elif parameter.default is None and name not in parameters:
            yield BadParameter(name, f"is what {kind} needs: {parameter.bounds}")


def _with_floor(kind: PolicyType, parameters: Mapping[str, float], beliefs: Beliefs | None) -> Policy:
    own: dict[str, Any] = {name: value for name, value in parameters.items() if name != "floor"}
    if kind.beliefs:
        own["beliefs"] = beliefs or Beliefs()
    policy: Policy = kind.policy(**own)
    return PropensityFloor(policy, parameters["floor"]) if parameters.get("floor") else policy


def policy_from_log(name: str, version: str, beliefs: Beliefs | None = None) -> Policy:
    """Return the policy that an event names, with the beliefs that it used.

    Raises:
        UnknownPolicy: there is none of that name and version, or it needs beliefs and they are not given.

    >>> policy_from_log("epsilon-greedy", "0.1")
    EpsilonGreedy(epsilon=0.1)
    """
    kind = next((kind for kind, policy_type in POLICIES.items() if policy_type.name == name), None)
    if kind is None:
        raise UnknownPolicy(f"{name} {version}")
    if POLICIES[kind].beliefs and beliefs is None:
        raise UnknownPolicy(f"{name} {version} without its beliefs")
    try:
        policy = build_policy(kind, _parse_version(POLICIES[kind], version), beliefs)
    except ValueError:
        raise UnknownPolicy(f"{name} {version}") from None
    if policy.version != version:
        raise UnknownPolicy(f"{name} {version}")
    return policy


def _parse_version(kind: PolicyType, version: str) -> dict[str, float]:
    """Return the parameters in a version, `a=1,b=2`.

    ε-greedy's version begins with the bare share, and that of a policy without parameters with a 1.
    """
    words = version.split(",")
    if kind.policy is EpsilonGreedy:
        words[0] = f"epsilon={words[0]}"
    elif not parameters(kind.policy):
        words = words[1:]
    return {name: float(value) for name, _, value in (word.partition("=") for word in words)}
