"""The persons model holds: I5, I8, I11, I12, I13."""

from __future__ import annotations

from tests.support.persons_model import CALM, Persons, PersonsByDefault

TestPersons = Persons.TestCase
TestPersons.settings = CALM
TestPersonsByDefault = PersonsByDefault.TestCase
TestPersonsByDefault.settings = CALM
