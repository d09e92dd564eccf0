"""This module is the life of one `/generate` call: choose a prompt, ask the model, check its answer.

Without a usable answer the template writes the tip.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Protocol

from oo_contracts.checksums import with_checksums
from oo_contracts.events import GenerateDecision
from oo_contracts.generate import FallbackReason, GenerateReply, GenerateRequest, Usage
from oo_contracts.ids import uuid7
from oo_contracts.subjects import decision_subject
from oo_contracts.task import Task
from oo_decisions.prompt_choice import PromptChoice, choose_prompt_version
from oo_experiments.assignment.assignment import ActiveExperiments
from oo_features.feature_context import FeatureContext
from oo_prompts import template
from oo_prompts.prompt_registry import Prompt, find_prompt
from oo_prompts.tasktext import clean_title, numbered_titles
from oo_serving.outbox import EventSink

from oo_transformers import metrics
from oo_transformers.degradation import LanguageModelUnavailable
from oo_transformers.language_model import Completion

__all__ = ["GenerateResult", "LanguageModel", "TipGenerator"]

log = logging.getLogger(__name__)

TEMPLATE = "template"


class LanguageModel(Protocol):
    """A client of a language model."""

    async def complete(self, prompt: Prompt, inputs: Mapping[str, object], request_id: str) -> Completion:
        """Return the model's answer to a prompt.

        Raises:
            LanguageModelUnavailable: there is no usable answer in time.
        """


@dataclass(frozen=True, slots=True)
class GenerateResult:
    """The reply, the time that the model took (s), and a function that publishes the event once the reply is sent."""

    reply: GenerateReply
    timing: dict[str, float]
    publish: Callable[[], None]


@dataclass(frozen=True, slots=True)
class PromptSelection:
    """The prompt, and how its version was chosen."""

    prompt: Prompt
    choice: PromptChoice


@dataclass(frozen=True, slots=True)
class TipGenerator:
    """The service that answers `/generate`; `default` is the deployment's DEFAULT_PROMPT_VERSION."""

    prompts: Mapping[str, Prompt]
    default: str | None
    language_model: LanguageModel
    active_experiments: Callable[[], ActiveExperiments]
    outbox: EventSink
    clock: Callable[[], datetime]

    async def __call__(self, request: GenerateRequest) -> GenerateResult:
        """Write one tip.

        Raises:
            oo_prompts.prompt_registry.UnknownPrompt: the call names a version that does not exist.
        """
        start = perf_counter()
        request_id = request.request_id or uuid7()
        context = FeatureContext.at(self.clock(), request.timezone)
        selection = self._select_prompt(request, request_id, context)
        focus = _focus_task(request)
        tip, completion, fallback = await self._tip(selection.prompt, request, focus, context, request_id)
        reply = GenerateReply.model_construct(
            request_id=request_id,
            tip=tip,
            prompt_version=selection.prompt.version,
            prompt_propensity=selection.choice.propensity,
            model=completion.model,
            fallback=fallback,
            usage=completion.usage,
            fallbacks=request.task_fallbacks(),
        )
        seconds = perf_counter() - start
        return GenerateResult(
            reply, {"writer": seconds}, lambda: self._publish(request, reply, selection, context, seconds)
        )

    def _select_prompt(self, request: GenerateRequest, request_id: str, context: FeatureContext) -> PromptSelection:
        choice = choose_prompt_version(request, self.default, self.active_experiments(), request_id, context.now)
        return PromptSelection(find_prompt(choice.version, self.prompts), choice)

    async def _tip(
        self, prompt: Prompt, request: GenerateRequest, focus: Task | None, context: FeatureContext, request_id: str
    ) -> tuple[str, Completion, FallbackReason | None]:
        try:
            completion = await self.language_model.complete(prompt, _inputs(request, focus, context), request_id)
        except LanguageModelUnavailable as error:
            log.warning("template tip: %s: %s", error.reason, error)
            return _template(focus, context), Completion("", TEMPLATE, Usage()), error.reason
        if not completion.is_finished:
            log.warning("template tip: the model did not finish: %.40r", completion.finish_reason)
        tip = prompt.parse_tip(completion.text) if completion.is_finished else None
        if tip is None:
            return _template(focus, context), Completion("", TEMPLATE, completion.usage), "invalid_output"
        return tip, completion, None

    def _publish(
        self,
        request: GenerateRequest,
        reply: GenerateReply,
        selection: PromptSelection,
        context: FeatureContext,
        seconds: float,
    ) -> None:
        metrics.GENERATED.labels(reply.prompt_version, reply.fallback or "no").inc()
        metrics.count_fallbacks(reply.fallbacks)
        event = GenerateDecision.model_construct(
            event_id=uuid7(),
            request_id=reply.request_id,
            user_id=request.user_id,
            decided_at=context.now,
            candidate_id=request.candidate.id if request.candidate else None,
            prompt_version=reply.prompt_version,
            prompt_digest=selection.prompt.digest,
            model=reply.model,
            fallback=reply.fallback,
            usage=reply.usage,
            latency_ms=seconds * 1000,
            draw=selection.choice.assignment,
        )
        self.outbox.put(decision_subject("generate"), with_checksums(event) if event.draw else event, request.user_id)


def _focus_task(request: GenerateRequest) -> Task | None:
    """Return the candidate's task, else the most urgent open one, or None."""
    if request.candidate is not None and request.candidate.task_id is not None:
        return next((task for task in request.tasks if task.id == request.candidate.task_id), None)
    return max((task for task in request.tasks if not task.completed), key=lambda task: task.priority, default=None)


def _inputs(request: GenerateRequest, focus: Task | None, context: FeatureContext) -> dict[str, object]:
    """Return the values that a prompt may use; titles are among them only as cleaned data."""
    titles = [task.content for task in request.tasks if not task.completed]
    name = clean_title(focus.content) if focus else ""
    return {"tasks": numbered_titles(titles), "focus": name or "plan the day", "hour_of_day": context.now.hour}


def _template(focus: Task | None, context: FeatureContext) -> str:
    day = focus.facts().due_day(context.zone) if focus else None
    today = context.now.date()
    is_overdue, is_due_today = day is not None and day < today, day == today
    return template.template_tip(focus.content if focus else None, overdue=is_overdue, due_today=is_due_today)
