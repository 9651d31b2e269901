"""Wordings for examinations, which training never hears."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sim.goals.wordlists import read_wordings

EXAMINATION: Final = read_wordings(Path(__file__).with_name("examination.txt"))
"""Test wordings by template, by somebody who had seen two sentences of each goal."""
