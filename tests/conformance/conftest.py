"""What is left out where kernels are stepped through, and what is not traced."""

from chosen import BY_DAY, STEPPED, leave_out

# What is left out where kernels are stepped through: another suite, or a compiler of C++ that steps through nothing.
ELSEWHERE = ("test_plan.py", "test_solver.py", "test_nvrtc.py", "emulated", "nvrtc")

# By day also what steps through no line that the rest does not, with other numbers: four fifths of the time.
SAME_LINES = (
    "test_cost.py",
    "float32",
    "(3, 530, 2)",
    "test_costs_search_alike_from_both_sides",
    "test_products_find_the_nearest",
    "test_rounding_stays_within_what_proofs_charge",
    "test_products_are_taken_only_where_they_are_accurate",
    "search_axis_by_axis[False",
    "test_sweep[0.05",
    *(f"moved_subtrees[{most}-{whole}-{seed}]" for most in (1, 4, 30, 1000) for whole in (True, False) for seed in (1, 2, 3)),
)  # fmt: skip


def pytest_collection_modifyitems(config, items):
    """Coverage counts what is stepped through in Python once: compiled, only emulated devices, plans and solvers show lines of their own."""
    if STEPPED:
        words = (*ELSEWHERE, *SAME_LINES) if BY_DAY else ELSEWHERE
        leave_out(
            config, items, lambda item: "conformance" in item.nodeid and any(word in item.nodeid for word in words)
        )
        return
    for item in items:
        own = any(word in item.nodeid for word in ("emulated", "nvrtc", "test_plan.py", "test_solver.py"))
        if "conformance" in item.nodeid and not own:
            item.add_marker("no_cover")
