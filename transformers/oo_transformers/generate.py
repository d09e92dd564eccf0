"""The life of one `/generate` call: choose a prompt, ask the model, check what it says, or write from the template."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Protocol

from oo_contracts.events import GenerateDecision
from oo_contracts.generate import FallbackReason, GenerateReply, GenerateRequest, Usage
from oo_contracts.ids import uuid7
from oo_contracts.score import AUTO
from oo_contracts.seals import sealed
from oo_contracts.subjects import decision
from oo_contracts.task import Task
from oo_experiments.enrolment import Running
from oo_features.moment import Moment
from oo_prompts import template
from oo_prompts.registry import Prompt, select
from oo_prompts.tasktext import clean, listed

from oo_transformers import metrics
from oo_transformers.draw import Drawn, drawn
from oo_transformers.errors import WriterUnavailable
from oo_transformers.score import Outbox
from oo_transformers.writer import Written

__all__ = ["Generated", "Generator", "Writer"]

log = logging.getLogger(__name__)

TEMPLATE = "template"


class Writer(Protocol):
    """A language model."""

    async def write(self, prompt: Prompt, inputs: Mapping[str, object], request_id: str) -> Written: ...


@dataclass(frozen=True, slots=True)
class Generated:
    """The reply, the time the model took (s), and what to do once the reply is sent."""

    reply: GenerateReply
    timing: dict[str, float]
    publish: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Selected:
    """The prompt, and how it was drawn if it was."""

    prompt: Prompt
    draw: Drawn | None = None


@dataclass(frozen=True, slots=True)
class Generator:
    """`default` is the deployment's DEFAULT_PROMPT_VERSION."""

    prompts: Mapping[str, Prompt]
    default: str | None
    writer: Writer
    running: Callable[[], Running]
    outbox: Outbox
    clock: Callable[[], datetime]

    async def __call__(self, ask: GenerateRequest) -> Generated:
        """Write one tip.

        Raises:
            oo_prompts.registry.UnknownPrompt: the call names a version that nobody has written.
        """
        start = perf_counter()
        request_id = ask.request_id or uuid7()
        moment = Moment.at(self.clock(), ask.timezone)
        by = self._selected(ask, request_id, moment)
        focus = _focus(ask)
        tip, written, fallback = await self._tip(by.prompt, ask, focus, moment, request_id)
        reply = GenerateReply.model_construct(
            request_id=request_id,
            tip=tip,
            prompt_version=by.prompt.version,
            prompt_propensity=by.draw.propensity if by.draw else None,
            model=written.model,
            fallback=fallback,
            usage=written.usage,
        )
        seconds = perf_counter() - start
        return Generated(reply, {"writer": seconds}, lambda: self._publish(ask, reply, by, moment, seconds))

    def _selected(self, ask: GenerateRequest, request_id: str, at: Moment) -> Selected:
        """By name, or drawn; what is named is no draw, and nothing can be learned of it by propensities."""
        if ask.prompt_version != AUTO:
            return Selected(select(ask.prompt_version, self.default, self.prompts))
        default = select(None, self.default, self.prompts).version
        found = drawn(ask, default, self.running(), request_id, at.now)
        return Selected(self.prompts[found.version], found)

    async def _tip(
        self, prompt: Prompt, ask: GenerateRequest, focus: Task | None, moment: Moment, request_id: str
    ) -> tuple[str, Written, FallbackReason | None]:
        try:
            written = await self.writer.write(prompt, _inputs(ask, focus, moment), request_id)
        except WriterUnavailable as error:
            log.warning("template tip: %s: %s", error.reason, error)
            return _template(focus, moment), Written("", TEMPLATE, Usage()), error.reason
        tip = prompt.tip(written.text)
        if tip is None:
            return _template(focus, moment), Written("", TEMPLATE, written.usage), "invalid_output"
        return tip, written, None

    def _publish(
        self, ask: GenerateRequest, reply: GenerateReply, by: Selected, moment: Moment, seconds: float
    ) -> None:
        metrics.GENERATED.labels(reply.prompt_version, reply.fallback or "no").inc()
        event = GenerateDecision.model_construct(
            event_id=uuid7(),
            request_id=reply.request_id,
            user_id=ask.user_id,
            decided_at=moment.now,
            candidate_id=ask.candidate.id if ask.candidate else None,
            prompt_version=reply.prompt_version,
            prompt_digest=by.prompt.digest,
            model=reply.model,
            fallback=reply.fallback,
            usage=reply.usage,
            latency_ms=seconds * 1000,
            draw=by.draw.facts if by.draw else None,
        )
        self.outbox.put(decision("generate"), sealed(event) if by.draw else event)


def _focus(ask: GenerateRequest) -> Task | None:
    """The candidate's task, else the most urgent open one."""
    if ask.candidate is not None and ask.candidate.task_id is not None:
        return next((task for task in ask.tasks if task.id == ask.candidate.task_id), None)
    return max((task for task in ask.tasks if not task.completed), key=lambda task: task.priority, default=None)


def _inputs(ask: GenerateRequest, focus: Task | None, moment: Moment) -> dict[str, object]:
    """What a prompt may use; titles only as cleaned data."""
    titles = [task.content for task in ask.tasks if not task.completed]
    name = clean(focus.content) if focus else ""
    return {"tasks": listed(titles), "focus": name or "plan the day", "hour_of_day": moment.now.hour}


def _template(focus: Task | None, moment: Moment) -> str:
    day = focus.facts().due_day(moment.zone) if focus else None
    today = moment.now.date()
    late, due = day is not None and day < today, day == today
    return template.tip(focus.content if focus else None, overdue=late, due_today=due)
