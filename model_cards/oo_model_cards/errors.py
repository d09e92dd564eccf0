"""Why a model folder is not served, each reason a class.

ArtifactError
├── NoManifest           there is no readable oo.json: it is not one of our model folders
├── DigestMismatch       a file is missing, foreign or changed, or the digest is another one
├── UntrustedContent     what lies in it, or loading it, could run or reach something else
├── TooLarge             it would need more memory than a model may
└── InvalidModelOutput   it loads, but does not give one value per row
    ├── NotFinite        a value is NaN or infinite
    ├── OutOfRange       a value is no probability
    ├── OtherModel       what serves and what was evaluated are two models
    └── TooSlow          it takes longer than a call may
"""

from __future__ import annotations

__all__ = [
    "ArtifactError",
    "DigestMismatch",
    "InvalidModelOutput",
    "NoManifest",
    "NotFinite",
    "OtherModel",
    "OutOfRange",
    "TooLarge",
    "TooSlow",
    "UntrustedContent",
]


class ArtifactError(Exception):
    """A model folder that must not be served."""


class NoManifest(ArtifactError):
    """There is no readable manifest."""


class DigestMismatch(ArtifactError):
    """The folder is not what its digest says."""


class UntrustedContent(ArtifactError):
    """Loading it would run code that came with it, or it holds what is no part of a model."""


class TooLarge(ArtifactError):
    """A file, or what is packed in it, is larger than a model's may be."""


class InvalidModelOutput(ArtifactError):
    """It loads, but does not give one probability per row."""


class NotFinite(InvalidModelOutput):
    """Its value of some row is NaN or infinite."""


class OutOfRange(InvalidModelOutput):
    """Its value of some row is no probability."""


class OtherModel(InvalidModelOutput):
    """The graph, the estimator and the recorded values are not of one model."""


class TooSlow(InvalidModelOutput):
    """It takes longer than a call may."""
