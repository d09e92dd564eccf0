"""MLflow's errors as errors of the registry, so that no caller has to know MLflow's codes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException

from oo_model_cards.version import NotFound, RegistryUnavailable

__all__ = ["translate_errors"]


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise MLflow's errors as ours.

    Raises:
        NotFound: MLflow does not know the model, version or alias.
        RegistryUnavailable: any other error, also of the connection.
    """
    try:
        yield
    except MlflowException as error:
        detail = error.message.splitlines()[0].removeprefix(f"{error.error_code}: ")
        # An unknown alias is an INVALID_PARAMETER_VALUE to MLflow.
        if error.error_code == "RESOURCE_DOES_NOT_EXIST" or detail.endswith("not found."):
            raise NotFound(detail) from error
        raise RegistryUnavailable(detail) from error
    except OSError as error:  # requests' connection errors are OSErrors
        raise RegistryUnavailable(str(error)) from error
