"""This module holds every limit of a call's size, because the limits have to fit together.

Any body within the limits is answered in a bounded time and memory, and its event fits into one NATS message. Todoist
itself allows 300 open tasks in a project, 500 characters of content, 16,384 of description and 500 labels.
"""

from __future__ import annotations

__all__ = [
    "MAX_BODY_BYTES",
    "MAX_BODY_VALUES",
    "MAX_CALL_ITEMS",
    "MAX_CANDIDATES",
    "MAX_COLUMN_LENGTH",
    "MAX_CONTENT_LENGTH",
    "MAX_ERRORS",
    "MAX_EVENT_BYTES",
    "MAX_INSTANCES",
    "MAX_LABELS",
    "MAX_LABEL_LENGTH",
    "MAX_MENDED_BYTES",
    "MAX_MENDED_HALVES",
    "MAX_NAME_LENGTH",
    "MAX_OBJECT_FIELDS",
    "MAX_PROFILE_KEYS",
    "MAX_PROFILE_TEXT",
    "MAX_ROW_VALUES",
    "MAX_TASKS",
    "MAX_TASK_FALLBACKS",
    "MAX_TEXT_LENGTH",
    "MAX_UNSCREENED_OBJECTS",
    "MAX_UNSCREENED_VALUES",
]

MAX_BODY_BYTES = 2 << 20  # of a request, unless the deployment says otherwise; of a compressed one, when it is unpacked
MAX_BODY_VALUES = 49_152  # commas and opening brackets of a body: no more values than these can be in it
MAX_UNSCREENED_VALUES = 16_384  # commas and brackets; a body with more is screened before it is validated
MAX_UNSCREENED_OBJECTS = 256  # opening braces; a body with more is screened as well
MAX_OBJECT_FIELDS = 512  # fields of one object in a body that is screened
MAX_ERRORS = 1_000  # errors of one body, of which the reply names some; with more, it names none
MAX_MENDED_BYTES = 512 << 10  # of a body in which halves of surrogate pairs are searched and replaced
MAX_MENDED_HALVES = 2_000  # halves in such a body, paired or not

MAX_TASKS = 1_000
MAX_CANDIDATES = 500
MAX_CONTENT_LENGTH = 16_384  # characters of a task's title
MAX_TEXT_LENGTH = 65_536  # characters of its description
MAX_LABELS = 500  # of a task
MAX_LABEL_LENGTH = 256  # characters
MAX_NAME_LENGTH = 128  # characters of an id
MAX_TASK_FALLBACKS = 20  # faults of tasks that one reply lists; those beyond are summed up
MAX_PROFILE_KEYS = 256  # profile features in a call; those that the mirror does not declare are ignored
MAX_PROFILE_TEXT = 64  # characters of a profile value that is text, and so invalid, as the event keeps it

MAX_INSTANCES = 32  # /score bodies in one call of KServe's V1 or V2, each of which makes an event
MAX_CALL_ITEMS = MAX_TASKS + MAX_CANDIDATES  # tasks and candidates of all of them together: no more than one may have

MAX_EVENT_BYTES = 4 << 20  # of the largest decision, and of any other event that we publish
MAX_COLUMN_LENGTH = 10_000  # tasks, or candidates, of a decision in columns; a call has far fewer
MAX_ROW_VALUES = 1 << 20  # numbers of all rows of a decision in columns, of which a few bytes may say many
