"""Rules of contact whose windows are short, so that each begins and ends many times in one run."""

from __future__ import annotations

from typing import Final

from features.privacy import rules
from features.tags import taxonomy

POLICY: Final = """
schema = 1
answer_days = 3
repeat_days = 2
answered_days = 4
[quiet_hours]
from = 0
until = 0
[[cap]]
per = "household"
channel = "each"
interest = "any"
days = 1
most = 1
[[cap]]
per = "subject"
channel = "any"
interest = "any"
days = 3
most = 2
[[pause]]
after = 1
within_days = 1
answers = ["complained", "unsubscribed"]
days = 5
about = "all"
[[pause]]
after = 2
within_days = 4
answers = ["dismissed"]
days = 6
about = "channel"
[[pause]]
after = 1
within_days = 1
answers = ["dismissed"]
days = 3
about = "interest"
"""
RULES: Final = rules.parse(rules.bundled_text("suppression.toml"), taxonomy.load(), POLICY)
