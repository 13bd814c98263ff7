"""What counts as free memory: limits of control groups of both versions, and of the process."""

import subprocess
import sys

import pytest

from otgen.inputs import control_groups
from otgen.inputs.memory import available

GB = 10**9
V1 = {"limit": "memory.limit_in_bytes", "used": "memory.usage_in_bytes", "cache": "total_inactive_file"}
V2 = {"limit": "memory.max", "used": "memory.current", "cache": "inactive_file"}


def group(folder, names, limit, used, cache=0):
    """A control group's folder, as the kernel shows it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names["limit"]).write_text(f"{limit}\n")
    (folder / names["used"]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{names['cache']} {cache}\nfile 7\n")


def process(folder, paths, mounts):
    """A process's folder in /proc."""
    (folder / "self").mkdir()
    (folder / "self" / "cgroup").write_text("\n".join(paths))
    (folder / "self" / "mountinfo").write_text("24 0 8:1 / / rw - ext4 /dev/root rw\n" + "\n".join(mounts))
    return folder / "self"


def mounted(point, root="/", kind="cgroup2", options="rw"):
    escaped = str(point).replace(" ", r"\040")
    return f"35 31 0:32 {root} {escaped} rw,nosuid shared:9 - {kind} cgroup {options}"


@pytest.mark.parametrize("above", ["max", 9 * GB])
def test_version_2(tmp_path, above):
    top = tmp_path / "a group"
    group(top / "batch" / "job", V2, 4 * GB, GB, GB // 2)
    group(top / "batch", V2, above, 7 * GB)
    at = process(tmp_path, ["0::/batch/job"], [mounted(top)])
    assert control_groups.left(at) == (7 * GB // 2 if above == "max" else 2 * GB)


def test_throttling_counts_as_a_limit(tmp_path):
    group(tmp_path / "group", V2, "max", GB)
    (tmp_path / "group" / "memory.high").write_text(str(3 * GB))
    assert control_groups.left(process(tmp_path, ["0::/"], [mounted(tmp_path / "group")])) == 2 * GB


def test_version_1(tmp_path):
    top = tmp_path / "memory"
    group(top / "slurm" / "step", V1, 2 * GB, GB, GB // 4)
    group(top, V1, 9223372036854771712, 30 * GB)
    paths = ["5:cpu,cpuacct:/other", "4:memory:/slurm/step", "0::/"]
    mounts = [
        mounted(tmp_path / "cpu", kind="cgroup", options="rw,cpu,cpuacct"),
        mounted(top, kind="cgroup", options="rw,memory"),
    ]
    assert control_groups.left(process(tmp_path, paths, mounts)) == 5 * GB // 4


@pytest.mark.parametrize(
    ("path", "root"), [("/docker/abc/inner", "/docker/abc"), ("/elsewhere", "/docker/abc"), ("/../x", "/")]
)
def test_containers_see_a_part(tmp_path, path, root):
    top = tmp_path / "group"
    group(top, V2, 2 * GB, GB)
    group(top / "inner", V2, 3 * GB, 5 * GB // 2)
    left = control_groups.left(process(tmp_path, [f"0::{path}"], [mounted(top, root)]))
    assert left == {"/docker/abc/inner": GB // 2, "/elsewhere": GB, "/../x": control_groups.UNLIMITED}[path]


def test_more_used_than_allowed_leaves_nothing(tmp_path):
    group(tmp_path / "group", V2, GB, 2 * GB)
    assert control_groups.left(process(tmp_path, ["0::/"], [mounted(tmp_path / "group")])) == 0


def test_systems_without_groups(tmp_path):
    assert control_groups.left(tmp_path) == control_groups.UNLIMITED
    at = process(tmp_path, ["0::/"], [mounted(tmp_path / "nowhere")])
    assert control_groups.left(at) == control_groups.UNLIMITED


LIMITED = """
import resource
import numpy as np
import otgen
from otgen.inputs.memory import available
otgen.transport([[1.0]])  # compiled code is loaded
free = available()
kind = resource.{kind}
taken = 4096 * int(open("/proc/self/statm").read().split()[{field}])
resource.setrlimit(kind, (taken + 100_000_000, -1))
assert available() < min(free, 100_100_000), available()
costs = np.broadcast_to(np.ones(4000), (4000, 4000))
try:
    otgen.transport(costs)
except otgen.TooLarge as fault:
    print(fault)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere such limits are not kept")
@pytest.mark.parametrize(("kind", "field"), [("RLIMIT_AS", 0), ("RLIMIT_DATA", 5)])
def test_limits_of_the_process(kind, field):
    code = LIMITED.format(kind=kind, field=field)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "fit in memory" in ran.stdout, ran.stderr
    assert available() > 10**8
