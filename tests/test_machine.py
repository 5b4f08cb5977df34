"""Machines of every kind, as files."""

import pytest

from sampan.machine import Memory, Processor, read_memory, read_processor, read_resident

XEON = """processor\t: 0
model name\t: Xeon
physical id\t: 0
core id\t\t: 0
flags\t\t: fpu avx2 fma avx512f avx512bw avx512vl avx512_vnni

processor\t: 1
model name\t: Xeon
physical id\t: 0
core id\t\t: 0
flags\t\t: fpu avx2 fma avx512f avx512bw avx512vl avx512_vnni

processor\t: 2
model name\t: Xeon
physical id\t: 1
core id\t\t: 0
flags\t\t: fpu avx2 fma avx512f avx512bw avx512vl avx512_vnni
"""


@pytest.fixture
def write(tmp_path):
    """Writes files below a root of the test's own."""

    def write(**files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return lambda files: write(**files)


def test_threads_of_one_core_count_once(write):
    root = write({"proc/cpuinfo": XEON})
    sets = ("AVX2", "AVX-512", "AVX-512 VNNI")
    assert read_processor(root, {0, 1, 2}) == Processor("Xeon", sets, logical=3, physical=2, quota=None)
    assert read_processor(root, {0, 1}) == Processor("Xeon", sets, logical=2, physical=1, quota=None)


def test_without_topology_every_processor_is_a_core(write):
    root = write({"proc/cpuinfo": "processor\t: 0\nFeatures\t: asimd\n\nprocessor\t: 1\nFeatures\t: asimd\n"})
    assert read_processor(root, {0, 1}) == Processor("unknown", (), logical=2, physical=2, quota=None)


def test_nothing_known_is_no_error(tmp_path):
    assert read_processor(tmp_path, {0}) == Processor("unknown", (), logical=1, physical=1, quota=None)
    assert read_memory(tmp_path) == Memory(0, 0)
    assert read_resident(tmp_path) == 0


def test_what_this_process_has_in_memory(write):
    root = write({"proc/self/status": "Name:\tpython\nVmHWM:\t   3000 kB\nVmRSS:\t    2000 kB\nRssAnon:\t 1000 kB\n"})
    assert read_resident(root) == 2000 * KIB
    assert read_resident() > KIB


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
        (
            {
                "proc/self/cgroup": "0::/pod/box\n",
                "sys/fs/cgroup/pod/cpu.max": "200000 100000\n",
                "sys/fs/cgroup/pod/box/cpu.max": "400000 100000\n",
            },
            2.0,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/box\n3:memory:/\n",
                "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us": "50000\n",
                "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            0.5,
        ),
    ],
)
def test_the_narrowest_quota_binds(write, files, quota):
    assert read_processor(write(files), {0}).quota == quota


MEMINFO = "MemTotal:        16000 kB\nMemFree:          1000 kB\nMemAvailable:     8000 kB\n"
KIB = 1024


@pytest.mark.parametrize(
    ("files", "memory"),
    [
        ({}, Memory(16000 * KIB, 8000 * KIB)),
        (
            {
                "proc/self/cgroup": "0::/\n",
                "sys/fs/cgroup/memory.max": str(4000 * KIB),
                "sys/fs/cgroup/memory.current": str(3000 * KIB),
                "sys/fs/cgroup/memory.stat": f"anon 1\ninactive_file {500 * KIB}\n",
            },
            Memory(4000 * KIB, 1500 * KIB),
        ),
        (
            {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max", "sys/fs/cgroup/memory.current": "7"},
            Memory(16000 * KIB, 8000 * KIB),
        ),
        (
            {  # version 1 says "no limit" with a huge number
                "proc/self/cgroup": "2:memory:/\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "7",
            },
            Memory(16000 * KIB, 8000 * KIB),
        ),
    ],
)
def test_a_container_narrows_the_memory(write, files, memory):
    assert read_memory(write({"proc/meminfo": MEMINFO} | files)) == memory
