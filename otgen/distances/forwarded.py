"""What is asked of an answer that is made only then."""

from __future__ import annotations

import abc
from typing import Any, Literal

from .gradients import Gradients


class Forwarded(abc.ABC):
    """Something whose numbers are known, and that makes an answer where more than these is asked."""

    @property
    @abc.abstractmethod
    def answer(self) -> Any:
        """The answer, made once."""

    def plan(self) -> Any:
        """The plan, between real points."""
        return self.answer.plan()

    def potentials(self) -> tuple[Any, Any]:
        """The potentials in cost units, or derivatives of the cost in the masses."""
        return self.answer.potentials()

    def gradients(self, of: Literal["cost", "value"]) -> Gradients:
        """Gradients of the cost or of the distance."""
        return self.answer.gradients(of)

    def plot(self, *arguments: Any) -> Any:
        """A picture of the plan."""
        return self.answer.plot(*arguments)
