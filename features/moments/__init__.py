"""Forecasts when somebody is likely to engage with an interest: the kind of day and its part.

Law of the folder: said in the morning, from a row and its subject's days alone, so that moments
have no state of their own; when a person was at home is a signal here and is never published.
Public face: `forecast_mornings`; profiles are written with the kernels."""

from features.models.signals_kernel import KNOWN_DAYS
from features.moments.moments_kernel import WEEKDAYS, forecast_mornings

__all__ = ["KNOWN_DAYS", "WEEKDAYS", "forecast_mornings"]
