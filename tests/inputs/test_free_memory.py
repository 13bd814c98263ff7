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


@pytest.mark.parametrize(("names", "kind", "options"), [(V1, "cgroup", "rw,memory"), (V2, "cgroup2", "rw")])
@pytest.mark.parametrize(
    ("used", "cache", "expected"),
    [
        (None, 0, 4 * GB),  # cannot be read: counts as nothing
        ("", 0, 4 * GB),
        (GB, None, 3 * GB),
        (GB, "", 3 * GB),
        (GB, "x", 3 * GB),
        (GB, 2 * GB, 4 * GB),  # read at two moments: no more than the limit
        (GB, -1, 3 * GB),
        (10**30, 0, 0),
    ],
)
def test_files_that_cannot_be_read(tmp_path, names, kind, options, used, cache, expected):
    top = tmp_path / "group"
    group(top, names, 4 * GB, used, cache)
    if used is None:
        (top / names["used"]).unlink()
    if cache is None:
        (top / "memory.stat").unlink()
    number = 0 if names is V2 else 4
    controllers = "" if names is V2 else "memory"
    at = process(tmp_path, [f"{number}:{controllers}:/"], [mounted(top, kind=kind, options=options)])
    assert control_groups.left(at) == expected


def test_a_group_without_files_is_limited_by_those_above(tmp_path):
    """As where the controller is not handed down, or the group was deleted."""
    top = tmp_path / "group"
    group(top / "batch", V2, 4 * GB, GB)
    (top / "batch" / "job" / "step").mkdir(parents=True)
    (top / "batch" / "job" / "memory.max").mkdir()
    for path in ("/batch/job/step", "/batch/job/gone/deeper", "/batch/job (deleted)"):
        folder = tmp_path / path.strip("/").replace("/", "-")
        folder.mkdir()
        assert control_groups.left(process(folder, [f"0::{path}"], [mounted(top)])) == 3 * GB


def test_both_versions_at_once(tmp_path):
    """As systemd's hybrid layout has it: the controller is in version 1, processes are in both."""
    for name, names, limit in (("memory", V1, 6 * GB), ("unified", V2, 5 * GB)):
        group(tmp_path / name / "job", names, limit, GB)
    paths = ["4:memory:/job", "1:name=systemd:/job", "0::/job"]
    mounts = [
        mounted(tmp_path / "unified"),
        mounted(tmp_path / "memory", kind="cgroup", options="rw,memory"),
    ]
    assert control_groups.left(process(tmp_path, paths, mounts)) == 4 * GB


def test_version_1_tells_of_limits_above_what_a_container_sees(tmp_path):
    group(tmp_path / "memory", V1, 9223372036854771712, GB)
    with (tmp_path / "memory" / "memory.stat").open("a") as file:
        file.write(f"hierarchical_memory_limit {3 * GB}\n")
    mounts = [mounted(tmp_path / "memory", "/docker/abc", "cgroup", "rw,memory")]
    assert control_groups.left(process(tmp_path, ["4:memory:/docker/abc"], mounts)) == 2 * GB


@pytest.mark.parametrize(
    "other",
    [
        b"36 24 8:2 / /media/caf\xe9 rw - vfat /dev/sdb rw",
        b"36 24 8:2 / /media/a\xc2\x85b rw - vfat /dev/sdb rw",
        b"36 24 8:2 / /media/a\\134x\\999 rw - vfat /dev/sdb rw",
        b"36 24",
        b"36 24 8:2 / - cgroup2",
        b" - cgroup2 cgroup rw",
        b"",
    ],
)
def test_odd_lines_hide_no_limit(tmp_path, other):
    """A disk whose name is in an old encoding, and what no kernel writes."""
    group(tmp_path / "group\u00a0one" / "job", V2, 4 * GB, GB)
    at = process(tmp_path, ["no colons", "7:", "0::/job"], [mounted(tmp_path / "group\u00a0one")])
    (at / "mountinfo").write_bytes(other + b"\n" + (at / "mountinfo").read_bytes() + b"\n" + other)
    assert control_groups.left(at) == 3 * GB


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
listed = otgen.wasserstein(np.arange(6000.0), np.arange(6000.0) + 1).plan
entropic = otgen.sinkhorn(np.arange(2000.0), np.arange(2000.0), epsilon=10.0**6).plan
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
for made in (listed.todense, listed.T.todense, lambda: np.asarray(listed), lambda: entropic.matrix):
    try:
        made()
    except otgen.TooLarge as fault:
        print(fault)
assert entropic.todense().shape == (2000, 2000)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere such limits are not kept")
@pytest.mark.parametrize(("kind", "field"), [("RLIMIT_AS", 0), ("RLIMIT_DATA", 5)])
@pytest.mark.by_day(1)
def test_limits_of_the_process(kind, field):
    code = LIMITED.format(kind=kind, field=field)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.stdout.count("must fit in memory") == 5, (ran.stdout, ran.stderr)
    assert available() > 10**8
