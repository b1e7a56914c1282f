"""Provides the weights that a cold worker starts from, so that its first profiles are no guesses.

Habits are means of what the hurdle ended with on three real sets (web visits, apps, television):
what people come back to turned out much alike in all three. How regularly a subject is here at
all did not; those three weights are by judgement, and some dozens of subject-days outweigh them.

What it is worth, habits learned on two sets and tried on the third, as a change of the mixture's
log-loss: on the first three days +10 % (web, 245 rows), -8 % (apps, 28 rows) and -14 %
(television, 98 rows); in the first fortnight +2, -4 and -1 %; after it within 0.3 %. So it is
no harm later, and help at the start in two of three.
"""

#: For `features.models.linear.Hurdle`, and what is like it.
HURDLE = {
    "bias": -0.16,
    "level_1d": 0.18,
    "level_60d": 0.16,
    "share_7d": 0.12,
    "odds_7": 0.20,
    "odds_28": 0.26,
    "odds_64": 0.26,
    "weekly_habit": -0.05,
    "odds_weekday": 0.16,
    "odds_daytype": 0.26,
    "own_recency": -0.32,
    "per_day": 0.16,
    "age": -0.09,
    "yesterday": 0.01,
    "population": 0.22,
    "here_bias": 1.0,
    "here_yesterday": 0.5,
    "here_recency": -1.0,
}
