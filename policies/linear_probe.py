"""A linear probe: multinomial logistic regression on frozen features (section 3.2 of arXiv 2103.00020)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy


class LinearProbe:
    """Fits at once.

    Args:
        features: (n, E).
        labels: Class of each row, int (n,), 0 to C - 1.
        classes: C.
        decay: Of the squared weights, relative to the mean loss.
    """

    def __init__(
        self, features: Tensor, labels: NDArray[np.integer], classes: int, decay: float = 1e-3
    ) -> None:
        x = features.double()
        self._mean, self._std = x.mean(0), x.std(0, correction=0) + 1e-6
        x = (x - self._mean) / self._std
        y = torch.from_numpy(np.asarray(labels, np.int64))
        self._weight = torch.zeros(classes, x.shape[1], dtype=torch.float64, requires_grad=True)
        self._bias = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.LBFGS([self._weight, self._bias], max_iter=100, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            optimizer.zero_grad()
            value = cross_entropy(x @ self._weight.T + self._bias, y) + decay * self._weight.square().sum()
            value.backward()
            return value

        optimizer.step(loss)  # pyright: ignore[reportArgumentType]  (torch wants floats, and takes tensors)

    @torch.no_grad()
    def predict(self, features: Tensor) -> NDArray[np.int64]:
        """The likeliest class of each row of (m, E), (m,)."""
        x = (features.double() - self._mean) / self._std
        return (x @ self._weight.T + self._bias).argmax(-1).numpy()
