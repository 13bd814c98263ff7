"""The least cost of transport in whole numbers of any size: shortest augmenting paths, one source after the other, with potentials that show it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class LeastFlow:
    """A flow of least cost, what each target receives from which source, and feasible potentials that are tight on it.

    Examples
    --------
    >>> found = least_flow([{0: 2, 1: 3}, {0: 1, 1: 4}], [3, 1], [2, 2])
    >>> found.flows, found.f, found.g
    ({(0, 0): 1, (1, 0): 1, (0, 1): 2}, [3, 2], [-1, 0])
    """

    flows: dict[tuple[int, int], int]
    f: list[int]
    g: list[int]


def least_flow(costs: list[dict[int, int]], a: list[int], b: list[int]) -> LeastFlow | None:
    """Between sources ``a`` (n,) and targets ``b`` (m,) of one total, where ``costs`` has the pairs of each source; None where these carry no plan."""
    state = _State(costs, [min(row.values(), default=0) for row in costs], [0] * len(b), [{} for _ in b], list(b))
    for i, supply in enumerate(a):
        while supply:
            moved = state.augmented(i, supply)
            if not moved:
                return None
            supply -= moved
    state.tighten(a, b)
    flows = {(i, j): flow for j, sources in enumerate(state.taken) for i, flow in sources.items()}
    return LeastFlow(flows, state.f, state.g)


@dataclass(eq=False)
class _State:
    """Potentials, what each target has taken from which source, and what it still wants."""

    costs: list[dict[int, int]]
    f: list[int]
    g: list[int]
    taken: list[dict[int, int]]
    wanted: list[int]

    def augmented(self, start: int, most: int) -> int:
        """How much more of a source is placed, along a shortest path by reduced costs; 0 where there is none."""
        f, g = self.f, self.g
        reached: dict[int, int] = {start: 0}  # distances of sources
        settled: dict[int, int] = {}  # of targets
        nearest: dict[int, int] = {}  # of targets, as far as is known
        before: dict[int, int] = {}  # of each target the source it is reached from
        through: dict[int, int] = {}  # and the other way round
        fresh = [start]
        while True:
            for i in fresh:
                base = reached[i] - f[i]
                for j, cost in self.costs[i].items():
                    if j not in settled and ((way := base + cost - g[j]) < nearest.get(j, way + 1)):
                        nearest[j], before[j] = way, i
            if not nearest:
                return 0
            end = min(nearest, key=nearest.__getitem__)
            settled[end] = nearest.pop(end)
            if self.wanted[end]:
                break
            fresh = [i for i in self.taken[end] if i not in reached]
            for i in fresh:
                reached[i], through[i] = settled[end], end
        far = settled[end]
        for i, way in reached.items():
            f[i] += far - way
        for j, way in settled.items():
            g[j] -= far - way
        return self._pushed(start, end, before, through, most)

    def _pushed(self, start: int, end: int, before: dict[int, int], through: dict[int, int], most: int) -> int:
        """Along the path that ends there, as much as it carries."""
        path = [(before[end], end)]
        while (i := path[-1][0]) != start:
            path.append((before[through[i]], through[i]))
        backward = [(i, through[i]) for i, _ in path[:-1]]
        amount = min(most, self.wanted[end], *(self.taken[j][i] for i, j in backward))
        for i, j in path:
            self.taken[j][i] = self.taken[j].get(i, 0) + amount
        for i, j in backward:
            self.taken[j][i] -= amount
            if not self.taken[j][i]:
                del self.taken[j][i]
        self.wanted[end] -= amount
        return amount

    def tighten(self, a: list[int], b: list[int]) -> None:
        """Potentials of points without mass, as large as they may be."""
        for i, mass in enumerate(a):
            if not mass:
                self.f[i] = min((cost - self.g[j] for j, cost in self.costs[i].items()), default=0)
        for j, mass in enumerate(b):
            if not mass:
                self.g[j] = min((row[j] - self.f[i] for i, row in enumerate(self.costs) if j in row), default=0)
