# Atheris describes a part of itself only; every name is Any here.
from typing import Any

def __getattr__(name: str) -> Any: ...
