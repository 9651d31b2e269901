"""Wordings that were collected: what training hears, and what it never hears."""

from __future__ import annotations

from typing import Final

from sim.goals.wordlists import read_wordings

PEOPLE: Final = read_wordings(__package__, "people.txt")
"""Training wordings by template, as people with all sorts of habits would say it."""
EXAMINATION: Final = read_wordings(__package__, "examination.txt")
"""Test wordings by template, written without a look at any training wording."""
