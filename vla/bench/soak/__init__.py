"""The soak: a robot, a policy server and a bad network, for hours, judged by what the arm was sent.

Start with :mod:`vla.bench.soak.schedule` (which faults there are) and :mod:`vla.bench.soak.laws` (what must
hold meanwhile); :mod:`vla.bench.soak.endurance` plays one against the other.
"""
