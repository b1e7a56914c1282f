"""Weights that a cold worker starts from, so that its first profiles are no guesses.

Means of what the models ended with on three real sets (web visits, apps, television); what
people come back to turned out much alike in all three. Learned on two of them, the habits made
the first tenth of the third -4 % (apps), -1 % (television) and +1 % (web) in log-loss, and no
difference to the rest. How regularly a subject is here at all did not carry over: those
weights are by judgement, and few, and outweighed by some dozens of subject-days.
"""

#: For `features.interests.linear.Hurdle`.
HURDLE = {
    "bias": -0.15, "level_1d": 0.20, "level_60d": 0.20, "share_7d": 0.13, "odds_7": 0.20,
    "odds_28": 0.26, "odds_64": 0.26, "weekly_habit": -0.05, "odds_weekday": 0.15,
    "odds_daytype": 0.26, "own_recency": -0.32, "age": -0.08,
    "yesterday": 0.02, "population": 0.22,
    "here_yesterday": 0.5, "here_recency": -0.3,
}
#: For `features.interests.linear.Logistic`.
LOGISTIC = {
    "bias": -0.19, "level_1d": 0.25, "level_60d": 0.18, "share_7d": 0.02, "odds_7": 0.16,
    "odds_28": 0.22, "odds_64": 0.21, "weekly_habit": -0.16, "odds_weekday": 0.15,
    "odds_daytype": 0.28, "own_recency": -0.25, "age": -0.09,
    "yesterday": 0.06, "population": 0.25,
    "here_bias": -0.19, "here_yesterday": -0.12, "here_recency": -0.42,
}
