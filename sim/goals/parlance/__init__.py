"""Ways of saying meanings: an endless supply of sentences for a language model that learns to understand.

:func:`some_meaning` draws what is meant, :func:`said` puts it in one of very many ways. The wordings of the
benchmark's goals (:mod:`sim.goals.phrasings`) come from elsewhere and are not repeated here.
"""

from __future__ import annotations

from sim.goals.parlance.drawing import some_meaning
from sim.goals.parlance.speaking import said

__all__ = ["said", "some_meaning"]
