"""
Theorems, run
=============

Every statement of five sets of lecture notes on transport and generative models is a check: what otgen computes beside a second way to
the same number. On the command line this is ``otgen check``.
"""

import matplotlib.pyplot as plt

from otgen.app.report.pictures import PICTURES
from otgen.lab import theorems

# %%
# One check, in full: the statement, where it stands, both sides of every comparison.

[outcome] = theorems.run(["forward-kl-keeps-marginals"])
print(outcome.check.statement)
print(*outcome.check.where, sep="; ")
for one in outcome.comparisons:
    print(f"{one.what}: {one.left:.10g} {one.relation} {one.right:.10g}, slack {one.slack:.1e}")

# %%
# A chapter of them, and what each found with the least room.

for outcome in theorems.run([name for name, check in theorems.CHECKS.items() if check.group == "Duality"]):
    telling = outcome.telling
    print(f"{outcome.check.name:32} {outcome.verdict.value}: {telling.what}, slack {telling.slack:.1e}")

# %%
# An erratum fails as it is printed and holds as it is corrected.

[outcome] = theorems.run(["an-inverse-too-many"])
print(f"printed: {outcome.check.printed}; right: {outcome.check.right}")
for one in outcome.comparisons:
    print(
        f"{'as printed, ' if one.printed else ''}{one.what}: {one.left:.5g} {one.relation} {one.right:.5g}: {one.holds}"
    )

# %%
# A metric of your own goes through the axioms; a squared distance is none.

for one in theorems.metric_axioms(lambda s, t: (s - t) ** 2, lambda rng: rng.normal(), rng=0):
    print(one.what, one.stands)

# %%
# The pictures of the lab.

fig, axes = plt.subplots(3, 2, figsize=(10, 11), layout="constrained")
for picture, panel in zip(PICTURES.values(), axes.flat):
    picture.draw(panel)
    panel.set_title(picture.title)
plt.show()
