"""Wordings for examinations, which training never hears."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sim.goals.wordlists import read_wordings

EXAMINATION: Final = read_wordings(Path(__file__).with_name("examination.txt"))
"""Test wordings by template, by somebody who had seen two sentences of each goal."""

MANNERS: Final = read_wordings(Path(__file__).with_name("manners.txt"))
"""More of them for the templates of training, in two manners of speaking that no collection of training has:
telling at length how things came about, and saying what must be so in the end, or no longer."""
