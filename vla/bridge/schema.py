"""What two ends must agree on before the first motion."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from vla.bridge.wire import PROTOCOL, WireError, text
from vla.contract import RobotSpec

MOST_RESUMED = 8
"""Names that a hello may give of sessions that it goes on with."""


@dataclass(frozen=True, slots=True)
class Schema:
    """All that gives the bytes of a session their meaning.

    Attributes:
        spec: The robot; its motion limits are its own affair and do not count.
        model_id: Which model answers.
        normalisation: Digest of the scales between units and network; empty when the policy offers none.
        images: How pictures cross, one of :data:`vla.bridge.images.ENCODINGS`.
    """

    spec: RobotSpec
    model_id: str
    normalisation: str = ""
    images: str = "raw"

    def digest(self) -> str:
        """Hex SHA-256, first 16 characters, of the canonical JSON form of all of it and the protocol."""
        content = {
            "protocol": PROTOCOL,
            "robot": self.spec.interface(),
            "model_id": self.model_id,
            "normalisation": self.normalisation,
            "images": self.images,
        }
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def pack(self) -> dict[str, Any]:
        """Body of the reply to a ``hello``."""
        return {
            "spec": self.spec.to_dict(),
            "model_id": self.model_id,
            "normalisation": self.normalisation,
            "schema": self.digest(),
        }

    @classmethod
    def unpack(cls, body: Mapping[str, Any], images: str) -> Self:
        """The inverse of :meth:`pack`; the digest is left to whoever compares.

        Raises:
            ContractError: a field is missing or illegal.
        """
        model_id, normalisation = text(body, "model_id"), text(body, "normalisation", low=0)
        return cls(_spec(body), model_id, normalisation, images)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client asks for at the handshake; None means that it takes what there is.

    Attributes:
        spec: Its robot.
        images: How it wants to send pictures.
        model_id: The model it insists on.
        normalisation: The scales it insists on.
    """

    spec: RobotSpec
    images: str = "raw"
    model_id: str | None = None
    normalisation: str | None = None

    def differences(self, schema: Schema, offered: tuple[str, ...]) -> list[str]:
        """One line per field in which ``schema`` does not grant the wish; empty when it does.

        Args:
            schema: What the server serves.
            offered: The picture encodings that it can read.
        """
        lines = self.spec.differences(schema.spec)
        for name in ("model_id", "normalisation"):
            mine, theirs = getattr(self, name), getattr(schema, name)
            if mine is not None and mine != theirs:
                lines.append(f"{name}: {mine!r} here, {theirs!r} there")
        if self.images not in offered:
            lines.append(f"images: {self.images!r} here, {' or '.join(offered)} there")
        return lines

    def pack(self) -> dict[str, Any]:
        """Body of a ``hello``."""
        return {
            "spec": self.spec.to_dict(),
            "images": self.images,
            "model_id": self.model_id,
            "normalisation": self.normalisation,
        }

    @classmethod
    def unpack(cls, body: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`pack`.

        Raises:
            ContractError: a field is missing or illegal.
        """
        model_id, normalisation = (
            None if body.get(key) is None else text(body, key, low=0) for key in ("model_id", "normalisation")
        )
        return cls(_spec(body), text(body, "images"), model_id, normalisation)


def _spec(body: Mapping[str, Any]) -> RobotSpec:
    data = body.get("spec")
    if not isinstance(data, dict):
        raise WireError(f"the robot's spec is a {type(data).__name__}, expected a map")
    return RobotSpec.from_dict(data)
