"""Replay of prompt versions: each logged draw made again from its event alone, and compared bit for bit."""

from __future__ import annotations

from collections.abc import Iterator

from oo_contracts.events import GenerateDecision, PromptDraw, ShadowChances
from oo_experiments.beliefs import BadBeliefs, Beliefs
from oo_experiments.choice import Choice
from oo_experiments.kinds import logged
from oo_experiments.policy import decide

from oo_pipelines.difference import Difference, changed, same

__all__ = ["redrawn"]


def redrawn(of: GenerateDecision) -> Iterator[Difference]:
    """All differences of one tip's draw; none for a tip whose version was named.

    Raises:
        UnknownPolicy: the event names a policy that this code does not have.
    """
    if of.draw is not None:
        yield from _drawn(of, of.draw)
    yield from changed(of)


def _drawn(of: GenerateDecision, draw: PromptDraw) -> Iterator[Difference]:
    try:
        beliefs = None if draw.beliefs is None else Beliefs.read(draw.beliefs)
    except BadBeliefs as error:
        yield Difference(of.request_id, None, "beliefs", "beliefs", str(error))
        return
    count = len(draw.versions)
    baseline = draw.versions.index(draw.default) if draw.default in draw.versions else None
    choice = Choice((0.0,) * count, (True,) * count, baseline, draw.versions)
    made = decide(logged(draw.policy.name, draw.policy.version, beliefs), choice, key=f"{of.request_id}/prompt")
    version = None if made.index is None else draw.versions[made.index]
    joint = None if draw.candidate is None or made.propensity is None else draw.candidate * made.propensity
    pairs = (
        ("chances of prompt versions", draw.propensities, made.propensities),
        ("prompt version", of.prompt_version, version),
        ("propensity of the prompt version", draw.propensity, made.propensity),
        ("joint propensity", draw.joint, joint),
    )
    yield from (
        Difference(of.request_id, None, what, said, found) for what, said, found in pairs if not same(said, found)
    )
    for shadow in draw.shadows:
        yield from _shadow(of, shadow, choice, beliefs)


def _shadow(
    of: GenerateDecision, shadow: ShadowChances, choice: Choice, beliefs: Beliefs | None
) -> Iterator[Difference]:
    name, version = shadow.policy.name, shadow.policy.version
    found = logged(name, version, beliefs).probabilities(choice)
    if not same(shadow.propensities, found):
        yield Difference(of.request_id, None, f"chances by shadow {name} {version}", shadow.propensities, found)
