"""The largest distance of projections: couplings along a direction, ascent to a lower end, and what proves an upper one."""
