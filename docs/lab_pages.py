"""The pages of the theorem lab, written from the checks themselves: which statement is where, and every erratum with its numbers."""

from pathlib import Path

from otgen.lab import theorems


def _cell(text):
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("*", "\\*").replace("_", "\\_")


def write(folder):
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    (folder / "theorems.rst").write_text("\n".join(_theorems()), encoding="utf-8")
    (folder / "errata.rst").write_text("\n".join(_errata()), encoding="utf-8")


def _theorems():
    yield from (
        "Theorems, statement by statement",
        "================================",
        "",
        "What the theory says, computed: every statement of five sets of lecture notes on transport and generative models, with the two sides",
        "that ``otgen check`` compares, their slack, tolerance and verdict. ``otgen check NAME`` shows all comparisons of a check, ``--html page.html`` writes one page with formulas and pictures,",
        "``--json`` prints everything, ``--seed`` changes what is random. In Python: :func:`otgen.lab.theorems.run`; a metric of your own",
        "goes through :func:`otgen.lab.theorems.metric_axioms`. For every comparison that counts there is a test in which an error planted",
        "in the library turns it red; comparisons of arithmetic or calculus alone say so, and are not counted.",
        "",
        "Numbers in brackets are those of the statements, in the order of the notes: Application of O.T. 1-14, Lecture 9 15-30,",
        "UL: GANs & VAEs 31-63, Deep Generative Models 64-92, the VEGAN cookbook 93-107; checks without a number are what these rest on.",
        "",
    )
    for group in theorems.GROUPS:
        if group == theorems.ERRATA:
            continue
        yield from (group, "-" * len(group), "")
        for check in theorems.CHECKS.values():
            if check.group != group:
                continue
            items = f" ({', '.join(map(str, check.items))})" if check.items else ""
            yield from (f"**{check.name}**{items}", f"   {_cell(check.statement)}", "")
            yield from ("   .. math:: " + check.formula, "", f"   {_cell('; '.join(check.where))}.", "")


def _errata():
    yield from (
        "Errata",
        "======",
        "",
        "Places where the notes print something else than what holds. Each is run both ways (``otgen check NAME``): as printed it fails, as",
        "corrected it holds. The numbers are the two sides of the comparison that separates them, at seed 0.",
        "",
        ".. list-table::",
        "   :header-rows: 1",
        "   :widths: 22 26 26 26",
        "",
        "   * - place",
        "     - printed",
        "     - right",
        "     - what separates them",
    )
    outcomes = theorems.run([name for name, check in theorems.CHECKS.items() if check.group == theorems.ERRATA])
    for outcome in outcomes:
        check = outcome.check
        if outcome.verdict is theorems.Verdict.FAILS:
            raise RuntimeError(f"{check.name} does not hold: {outcome}")
        printed = next((one for one in outcome.comparisons if one.printed), None)
        numbers = f"{printed.what}: {printed.left:.5g} against {printed.right:.5g}" if printed else outcome.note
        yield from (
            f"   * - {_cell('; '.join(check.where))}",
            f"     - {_cell(check.printed)}",
            f"     - {_cell(check.right)}",
            f"     - {_cell(numbers)} (``{check.name}``)",
        )
    yield from ("", "Slips of the pen, which no number can tell:", "")
    for slip in theorems.SLIPS:
        yield f"- {_cell(slip.where)}: {_cell(slip.printed)}; right: {_cell(slip.right)}."
    yield ""
