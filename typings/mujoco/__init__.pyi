# MuJoCo's wheels carry no type information for their compiled half; every name is Any here.
from typing import Any

def __getattr__(name: str) -> Any: ...
