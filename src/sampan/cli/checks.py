"""What `sampan doctor` looks at. Each check is a function that takes facts and returns findings; a finding that is
not ok has a remedy. Whatever could crash or hang (Paddle, a model) is tried in a process of its own.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from sampan.checkpoint.local.resolve import sampan_home
from sampan.cli.sizes import human_bytes
from sampan.config import ModelConfig
from sampan.finding import FAIL, OK, WARN, Finding
from sampan.machine import Memory, Processor, read_memory, read_processor
from sampan.zoo import ZOO

CONTEXT = 8192  # tokens of KV cache that a model should have room for besides its weights
PRECISIONS = ("int8", "int4")  # that a CPU computes in at speed
HEADROOM = 0.9  # of the free memory that a model may take
MIN_DISK = 10 * 10**9
TIMEOUT = 180.0  # seconds for a check that runs a program


def examine(port: int) -> Iterator[Finding]:
    """All checks, cheap ones first."""
    yield check_python(sys.version_info[:2], 64 if sys.maxsize > 2**32 else 32)
    yield from check_processor(read_processor())
    kernels = check_native()
    if kernels.status == OK:  # sizes are those of their layout
        models = [(entry.aliases[0], entry.config) for entry in ZOO if entry.config is not None]
        yield check_memory(read_memory(), models)
    yield check_home(sampan_home())
    yield check_port(port)
    yield kernels
    yield check_paddle()
    yield check_embedded_model()


def check_python(version: tuple[int, int], bits: int) -> Finding:
    """Paddle has wheels for 64-bit Python 3.10 to 3.13."""
    detail = f"{version[0]}.{version[1]}, {bits}-bit, {platform.system()} {platform.machine()}"
    if bits == 64 and (3, 10) <= version < (3, 14):
        return Finding("python", OK, detail)
    return Finding("python", FAIL, detail, "use a 64-bit Python 3.10 to 3.13")


def check_paddle(python: str = sys.executable, timeout: float = TIMEOUT) -> Finding:
    """Paddle imports, is of the supported release, and computes (`paddle.utils.run_check`)."""
    program = "import paddle; paddle.utils.run_check(); print(); print(paddle.__version__)"
    ran, output = _run([python, "-c", program], timeout)
    if not ran:
        return Finding("paddle", FAIL, output, "install it again: pip install --force-reinstall 'paddlepaddle==3.3.*'")
    version = output.rpartition("\n")[2]
    if not version.startswith("3.3."):
        return Finding("paddle", WARN, f"{version}; tested with 3.3", "pip install 'paddlepaddle==3.3.*'")
    return Finding("paddle", OK, f"{version}, run_check passes")


def check_native(python: str = sys.executable, timeout: float = TIMEOUT) -> Finding:
    """The compiled kernels load, and which set of them is in use."""
    program = "from sampan.backends import native; print(native.active_isa(), 'of', *native.supported_isas())"
    ran, output = _run([python, "-c", program], timeout)
    if not ran:
        return Finding("kernels", FAIL, output, "install Sampan again, with a C++20 compiler on the PATH")
    return Finding("kernels", OK, f"{output} in use")


def check_processor(processor: Processor) -> Iterator[Finding]:
    """The kernels want AVX2 at least; VNNI makes int8 and int4 several times faster."""
    sets = processor.instruction_sets
    detail = f"{processor.name}: {', '.join(sets) or 'no AVX2'}"
    if "AVX2" not in sets:
        yield Finding("processor", WARN, detail, "it works, but slowly: use a processor with AVX2 or AVX-512")
    elif not any("VNNI" in name for name in sets):
        yield Finding("processor", OK, f"{detail} (no VNNI: int8 runs on AVX2)")
    else:
        yield Finding("processor", OK, detail)
    cores = f"{processor.physical} cores, {processor.logical} threads"
    if processor.quota is None:
        yield Finding("cores", OK, cores)
    elif processor.quota < processor.physical:
        remedy = f"raise the container's CPU limit, or set OMP_NUM_THREADS={max(int(processor.quota), 1)}"
        yield Finding("cores", WARN, f"{cores}, but a quota of {processor.quota:g}", remedy)
    else:
        yield Finding("cores", OK, f"{cores}, quota {processor.quota:g}")


def check_memory(memory: Memory, models: Sequence[tuple[str, ModelConfig]]) -> Finding:
    """Which models fit, each at the most exact precision that leaves room for a KV cache of `CONTEXT` tokens."""
    from sampan.quant.sizes import kv_cache_bytes, weight_bytes

    room = memory.available * HEADROOM
    fitting = []
    for name, config in models:
        needed = {p: weight_bytes(config, p) + kv_cache_bytes(config, CONTEXT) for p in PRECISIONS}
        best = max((p for p in PRECISIONS if needed[p] <= room), key=lambda p: needed[p], default=None)
        if best is not None:
            fitting.append(f"{name} ({best})")
    detail = f"{human_bytes(memory.available)} of {human_bytes(memory.total)} free"
    if not fitting:
        return Finding(
            "memory", WARN, f"{detail}; no distill fits", "close programs, or use a machine with more memory"
        )
    return Finding("memory", OK, f"{detail}; fits {', '.join(fitting)}")


def check_home(home: Path) -> Finding:
    """Models are kept under `home`: it, or the folder it will be made in, must be writable and roomy."""
    folder = next(path for path in (home, *home.parents) if path.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return Finding("disk", FAIL, f"cannot write to {folder}", "set SAMPAN_HOME to a folder that you may write to")
    free = shutil.disk_usage(folder).free
    detail = f"{human_bytes(free)} free under {home}"
    if free < MIN_DISK:
        return Finding("disk", WARN, detail, "free some space, or set SAMPAN_HOME to a larger disk")
    return Finding("disk", OK, detail)


def check_port(port: int, host: str = "127.0.0.1") -> Finding:
    """Whether `sampan serve` could listen."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            what = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
            return Finding("port", WARN, f"{host}:{port} {what}", "choose another port, or --port 0 for any free one")
    return Finding("port", OK, f"{host}:{port} is free")


def check_embedded_model(python: str = sys.executable, timeout: float = TIMEOUT) -> Finding:
    """The embedded model answers, through the same command that a user would type."""
    words = ["generate", "sampan-tiny", "你好", "--max-tokens", "16", "--temperature", "0", "--json"]
    ran, output = _run([python, "-m", "sampan", *words], timeout)
    remedy = "install Sampan again; the errors above come first"
    if not ran:
        return Finding("embedded model", FAIL, output, remedy)
    try:
        tokens = json.loads(output)["usage"]["completion_tokens"]
    except (ValueError, LookupError, TypeError):
        return Finding("embedded model", FAIL, f"answered {output!r}", remedy)
    return Finding("embedded model", OK, f"sampan-tiny answered with {tokens} tokens")


def _run(command: Sequence[str], timeout: float) -> tuple[bool, str]:
    """Whether a program succeeded; what it printed, or in one line what it complained of."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return False, f"no answer within {timeout:g} s"
    if done.returncode == 0:
        return True, done.stdout.strip()
    if done.returncode < 0:
        return False, f"ended by signal {-done.returncode}"
    lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
    # Ours begin with "error: "; a traceback says what happened in its last line.
    return False, next((line.removeprefix("error: ") for line in lines if line.startswith("error: ")), lines[-1])
