"""Forecasts when somebody is likely to engage with an interest: the kind of day and its part.

Law of the folder: said in the morning, from closed days only; a person's presence is a signal
here and is never published. Public face: `Moments`."""

from features.moments.moments import Moment, Moments

__all__ = ["Moment", "Moments"]
