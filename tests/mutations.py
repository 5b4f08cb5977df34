"""Files changed at random, the same on every machine: what a reader makes of them is an answer or an error of ours.

`survive` is the whole of a fuzz test. `count` inputs are drawn from a few valid ones; a failing input is kept, with its
number, so that it can be read and made a test of its own.
"""

from __future__ import annotations

import copy
import json
import random
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from sampan.errors import SampanError

SECONDS = 5.0  # of the processor, for one input
MEGABYTES = 100  # that all inputs together may add to the memory of this process
KEPT_KILOBYTES = 4  # of each input: the tokenizer library keeps about one of every tokenizer, however large
COUNTS = [300, pytest.param(100_000, marks=pytest.mark.slow)]

ODD_BYTES = (b"\0", b"\xff", b"\x80", b'"', b"{", b"[", b"\xff" * 8, b"\0" * 8, (2**63).to_bytes(8, "little"))
ODD_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2,
        3,
        7,
        31,
        32,
        33,
        255,
        65536,
        2**31 - 1,
        2**31,
        2**32,
        2**53,
        2**63,
        2**64,
        10**30,
    ),
    *(
        -(2**63),
        0.0,
        0.5,
        -1.5,
        1e-320,
        1e308,
        float("inf"),
        float("nan"),
        "",
        "a",
        "0",
        "F32",
        "\0",
        "\ud800",
        "漢" * 9,
    ),
    *(
        "../" * 3 + "etc/passwd",
        "/etc/passwd",
        "model.safetensors",
        "x" * 600,
        [],
        [[]],
        [0],
        [0, 0],
        [2**40, 2**40],
        {},
    ),
    *({"a": {}}, [None] * 9),
)


def survive(
    read: Callable[[Path], object],
    path: Path,
    seeds: Sequence[bytes],
    mutate: Callable[[bytes, random.Random], bytes],
    count: int,
) -> None:
    """Has `read` read the file `path` with `count` contents. It may raise nothing but a `SampanError`, whose text is
    printable; each within time, and all of them within memory."""
    rng = random.Random(count)
    started_at = _peak_megabytes()
    refused = 0
    for number in range(count):
        data = mutate(rng.choice(seeds), rng)
        path.write_bytes(data)
        message = ""
        begin = time.process_time()
        try:
            read(path)
        except SampanError as error:
            refused += 1
            message = error.message
        except BaseException as error:
            kept = path.with_name(f"crash-{number}")
            kept.write_bytes(data)
            raise AssertionError(f"input {number}, kept as {kept}: {type(error).__name__}") from error
        assert message.isprintable(), f"input {number}: {message!r}"
        assert time.process_time() - begin < SECONDS, f"input {number} took too long"
    assert refused > count // 10, "hardly anything was refused: the changes are too mild to find anything"
    assert _peak_megabytes() - started_at < MEGABYTES + count * KEPT_KILOBYTES / 1024


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """Some bytes changed, doubled, moved, cut off or left out."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        size = len(changed)
        if not size:
            break
        at, other, length = rng.randrange(size), rng.randrange(size), rng.randint(1, 40)
        match rng.randrange(6):
            case 0:
                changed[at] = rng.randrange(256)
            case 1:
                odd = rng.choice(ODD_BYTES)
                changed[at : at + len(odd)] = odd
            case 2:
                changed[at:at] = changed[at : at + length]
            case 3:
                del changed[at : at + length]
            case 4:
                changed[at : at + length] = changed[other : other + length]
            case _ if rng.random() < 0.2:
                del changed[at:]
    return bytes(changed)


def mutate_json(data: bytes, rng: random.Random) -> bytes:
    """A JSON document with values exchanged for odd ones, or for others of its own; at times its bytes are changed."""
    if rng.random() < 0.2:
        return mutate_bytes(data, rng)
    document = [json.loads(data)]
    for _ in range(rng.randint(1, 3)):
        places = list(_places(document))
        holder, key = rng.choice(places)
        match rng.randrange(6):
            case 0 | 1 | 2:
                holder[key] = copy.deepcopy(rng.choice(ODD_VALUES))
            case 3:
                other, other_key = rng.choice(places)
                holder[key] = copy.deepcopy(other[other_key])
            case 4 if isinstance(holder, dict):
                holder[rng.choice(("", "a", "__metadata__", "type", "\ud800", "x" * 600))] = holder.pop(key)
            case _ if holder is not document:
                del holder[key]
    return json.dumps(document[0]).encode("utf-8", "surrogatepass")


def _places(value: Any) -> Any:
    """Each (container, key) below a value."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        yield value, key
        yield from _places(value[key])
