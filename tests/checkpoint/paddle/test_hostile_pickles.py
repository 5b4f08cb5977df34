"""Files that would run something, lie or grow without end when unpickled. Each is refused, fast, and runs nothing."""

from __future__ import annotations

import os
import pickle
import random
import struct
import time
import tracemalloc
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sampan.checkpoint.paddle.pdparams_reader import PdparamsFile
from sampan.errors import CheckpointError

CANARY = "canary"
SECONDS = 5.0
MEGABYTES = 100


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def by_line(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def by_stack(module: str, name: str) -> bytes:
    return text(module) + text(name) + b"\x93"


def by_memo(module: str, name: str) -> bytes:
    return by_line(module, name) + b"q\x050h\x05"


def entry(value: bytes) -> bytes:
    """A state dict with one value."""
    return b"\x80\x04}" + text("w") + value + b"s."


# What a pickle can name to run code, read or write files, or find its way to one of these.
CALLS = [
    ("os", "system", f"touch {CANARY}"),
    ("posix", "system", f"touch {CANARY}"),
    ("nt", "system", "calc"),
    ("os", "popen", f"touch {CANARY}"),
    ("os", "remove", "model_state.pdparams"),
    ("subprocess", "Popen", f"touch {CANARY}"),
    ("subprocess", "check_output", f"touch {CANARY}"),
    ("pty", "spawn", f"touch {CANARY}"),
    ("builtins", "eval", f"open('{CANARY}','w')"),
    ("__builtin__", "eval", f"open('{CANARY}','w')"),
    ("builtins", "exec", f"open('{CANARY}','w')"),
    ("builtins", "compile", f"open('{CANARY}','w')"),
    ("builtins", "open", CANARY),
    ("io", "open", CANARY),
    ("pathlib", "Path", CANARY),
    ("builtins", "__import__", "os"),
    ("importlib", "import_module", "os"),
    ("builtins", "getattr", "os"),
    ("builtins", "setattr", "os"),
    ("builtins", "globals", "os"),
    ("builtins", "bytearray", "99999999999"),
    ("operator", "attrgetter", "system"),
    ("operator", "methodcaller", "system"),
    ("functools", "partial", "system"),
    ("functools", "reduce", "system"),
    ("itertools", "starmap", "system"),
    ("types", "FunctionType", "x"),
    ("types", "CodeType", "x"),
    ("marshal", "loads", "x"),
    ("pickle", "loads", "x"),
    ("_pickle", "loads", "x"),
    ("shelve", "open", CANARY),
    ("runpy", "run_path", "x.py"),
    ("runpy", "_run_code", "x"),
    ("code", "interact", "x"),
    ("timeit", "timeit", f"open('{CANARY}','w')"),
    ("pdb", "run", f"open('{CANARY}','w')"),
    ("cProfile", "run", f"open('{CANARY}','w')"),
    ("trace", "Trace", "x"),
    ("webbrowser", "open", "http://localhost"),
    ("urllib.request", "urlopen", "http://localhost"),
    ("socket", "create_connection", "localhost"),
    ("smtplib", "SMTP", "localhost"),
    ("ctypes", "CDLL", "libc.so.6"),
    ("tempfile", "mktemp", "x"),
    ("shutil", "rmtree", "x"),
    ("zipimport", "zipimporter", "x"),
    ("logging.config", "fileConfig", "x"),
    ("asyncio", "run", "x"),
    ("multiprocessing.util", "spawnv_passfds", "x"),
    ("numpy", "load", "x.npy"),
    ("numpy", "save", CANARY),
    ("numpy", "fromfile", "/etc/passwd"),
    ("numpy", "memmap", "/etc/passwd"),
    ("numpy.testing._private.utils", "runstring", f"open('{CANARY}','w')"),
    ("numpy.f2py.crackfortran", "myeval", f"open('{CANARY}','w')"),
    ("numpy.core.multiarray", "scalar", "x"),
    ("numpy.core.multiarray", "fromfile", "/etc/passwd"),
    ("numpy", "ndarray", "x"),
    ("numpy", "ndarray.tofile", CANARY),
    ("numpy", "core.multiarray._reconstruct", "x"),
    ("numpy.core", "multiarray._reconstruct", "x"),
    ("paddle", "load", "x"),
    ("paddle.utils.cpp_extension", "load", "x"),
    ("paddle.framework.io", "_pickle_loads_mac", "x"),
    ("torch", "load", "x"),
    ("torch.serialization", "load", "x"),
    ("collections", "namedtuple", "x"),
    ("collections", "OrderedDict.update", "x"),
    ("_codecs", "lookup", "x"),
    ("codecs", "encode", "x"),
    ("_codecs", "encode ", "x"),
    (" _codecs", "encode", "x"),
    ("ｂuiltins", "eval", "x"),
    ("", "", "x"),
    ("sampan.cli", "main", "x"),
    ("__main__", "x", "x"),
    ("copyreg", "_reconstructor", "x"),
    ("copyreg", "__newobj__", "x"),
]
NAMINGS: dict[str, Callable[[str, str], bytes]] = {"line": by_line, "stack": by_stack, "memo": by_memo}

SHAPE_2 = b"K\x02\x85"
FLOAT = by_line("numpy", "dtype") + text("f4") + b"\x89\x88\x87R"
FLOAT += b"(K\x03" + text("<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
EMPTY = by_line("numpy.core.multiarray", "_reconstruct") + by_line("numpy", "ndarray") + b"K\x00\x85C\x01b\x87R"


def array(shape: bytes = SHAPE_2, element: bytes = FLOAT, data: bytes = b"C\x08" + bytes(8)) -> bytes:
    return EMPTY + b"(K\x01" + shape + element + b"\x89" + data + b"tb"


OTHERS = {
    # other ways to call or to make objects
    "inst": entry(b"(" + text("touch canary") + b"ios\nsystem\n"),
    "obj": entry(b"(" + by_line("os", "system") + text("touch canary") + b"o"),
    "newobj": entry(by_line("os", "system") + text("touch canary") + b"\x85\x81"),
    "newobj_ex": entry(by_line("os", "system") + text("touch canary") + b"\x85}\x92"),
    "persistent id": entry(b"Pcanary\n"),
    "binary persistent id": entry(text("canary") + b"Q"),
    "extension 1": entry(b"\x82\x01"),
    "extension 2": entry(b"\x83\x01\x00"),
    "extension 4": entry(b"\x84\x01\x00\x00\x00"),
    "next buffer": entry(b"\x97"),
    "readonly buffer": entry(b"C\x01a\x98"),
    "set": entry(b"\x8f(K\x01\x90"),
    "frozenset": entry(b"(K\x01\x91"),
    "protocol 0 integer": entry(b"I99999999999999999999\n"),
    "protocol 0 text": entry(b"S'canary'\n"),
    "protocol 0 long": entry(b"L" + b"9" * 100_000 + b"L\n"),
    "a bare global": entry(by_line("os", "system")),
    "reduce of a text": entry(text("os.system") + text("touch canary") + b"\x85R"),
    "reduce with a list": entry(by_line("numpy", "dtype") + b"]R"),
    "build of a global": entry(by_line("os", "system") + b"}b"),
    "build of a dict": entry(b"}(K\x01tb"),
    # what is allowed, given something else
    "dtype of objects": entry(array(element=FLOAT.replace(b"f4", b"O8"))),
    "dtype of text": entry(array(element=FLOAT.replace(b"f4", b"U9"))),
    "dtype of fields": entry(array(element=by_line("numpy", "dtype") + b"]K\x00K\x01\x87R")),
    "dtype without arguments": entry(array(element=by_line("numpy", "dtype") + b")R")),
    "dtype with a state of fields": entry(array(element=FLOAT.replace(b"NNNJ", b"N}}J"))),
    "big-endian": entry(array(element=FLOAT.replace(text("<"), text(">")))),
    "reconstruct of another class": entry(EMPTY.replace(b"ndarray", b"matrix")),
    "reconstruct without arguments": entry(by_line("numpy.core.multiarray", "_reconstruct") + b")R"),
    "codec that decompresses": entry(by_line("_codecs", "encode") + text("x") + text("zlib") + b"\x86R"),
    "codec that rotates": entry(by_line("_codecs", "encode") + text("x") + text("rot13") + b"\x86R"),
    "text beyond latin-1": entry(by_line("_codecs", "encode") + text("漢") + text("latin1") + b"\x86R"),
    "tuple of a number": entry(by_line("builtins", "tuple") + b"K\x01\x85R"),
    "bytes of a size": entry(by_line("builtins", "bytes") + b"J\xff\xff\xff\x7f\x85R"),
    "ordered dict of an array": entry(by_line("collections", "OrderedDict") + array() + b"\x85R"),
    "data that is a list": entry(array(data=b"]")),
    "data that is text": entry(array(data=text("canary"))),
    "an array built twice": entry(array() + b"(K\x01" + SHAPE_2 + FLOAT + b"\x89C\x00tb"),
    "an array never built": entry(EMPTY),
    # shapes and sizes that lie
    "too few bytes": entry(array(data=b"C\x07" + bytes(7))),
    "too many bytes": entry(array(data=b"C\x09" + bytes(9))),
    "negative shape": entry(array(b"J\xff\xff\xff\xff\x85")),
    "two negative sizes": entry(array(b"J\xff\xff\xff\xffJ\xfe\xff\xff\xff\x86")),
    "huge shape": entry(array(b"\x8a\x08" + b"\xff" * 7 + b"\x7f\x85")),
    "shape that overflows": entry(array(b"\x8a\x05\x00\x00\x00\x00\x01" * 2 + b"\x86")),
    "shape of zeros and much": entry(array(b"\x8a\x08" + b"\xff" * 7 + b"\x7fK\x00\x86", data=b"C\x00")),
    "shape of truths": entry(array(b"\x88\x88\x86", data=b"C\x04" + bytes(4))),
    "shape of reals": entry(array(b"G" + struct.pack(">d", 2.0) + b"\x85")),
    "shape of text": entry(array(text("2") + b"\x85")),
    "rank 9": entry(array(b"(" + b"K\x01" * 9 + b"t", data=b"C\x04" + bytes(4))),
    "rank 100000": entry(array(b"(" + b"K\x01" * 100_000 + b"t", data=b"C\x04" + bytes(4))),
    "bytes of 2**63": entry(b"\x8e" + struct.pack("<Q", 2**63)),
    "bytes of 4 GB": entry(b"B" + struct.pack("<I", 2**32 - 1)),
    "text of 2**63": entry(b"\x8d" + struct.pack("<Q", 2**63)),
    "text of 4 GB": entry(b"X" + struct.pack("<I", 2**32 - 1)),
    "bytearray of 2**63": entry(b"\x96" + struct.pack("<Q", 2**63)),
    "integer of 2 GB": entry(b"\x8b" + struct.pack("<I", 2**31 - 1)),
    "integer of 255 bytes": entry(b"\x8a\xff" + bytes(255)),
    "text that is not UTF-8": entry(b"X\x01\x00\x00\x00\xff"),
    "a frame of 2**63": b"\x80\x04\x95" + struct.pack("<Q", 2**63),
    # the machine, misused
    "empty": b"",
    "only a stop": b".",
    "zeros": bytes(4096),
    "a zip archive": b"PK\x03\x04" + bytes(64),
    "protocol 9": b"\x80\x09}.",
    "protocol 0": b"\x80\x00}.",
    "nothing left": b"\x80\x040.",
    "more than one value": b"\x80\x04}}.",
    "an open mark": b"\x80\x04(}.",
    "a mark that is missing": b"\x80\x04}u.",
    "taking below a mark": b"\x80\x04}(" + text("w") + b"R.",
    "more after the end": entry(array()) + b"}.",
    "a key without a value": b"\x80\x04}(" + text("w") + b"u.",
    "a list as a key": b"\x80\x04}]" + array() + b"s.",
    "an array as a key": b"\x80\x04}" + array() + array() + b"s.",
    "a tuple as a key": b"\x80\x04})" + array() + b"s.",
    "a number as a name": b"\x80\x04}K\x01" + array() + b"s.",
    "a name of control characters": b"\x80\x04}" + text("w\n\x1b[31m") + array() + b"s.",
    "the same name twice": b"\x80\x04}(" + text("w") + array() + text("w") + array() + b"u.",
    "a memo never written": entry(b"h\x07"),
    "a long memo never written": entry(b"j\xff\xff\xff\xff"),
    "a dict in itself": b"\x80\x04}q\x00" + text("w") + b"h\x00s.",
    "a list in itself": entry(b"]q\x00h\x00a"),
    "append to a tuple": entry(b")K\x01a"),
    "items of a list": b"\x80\x04]" + text("w") + array() + b"s.",
    "a list": b"\x80\x04].",
    "a number": b"\x80\x04K\x01.",
    "a text": entry(text("canary")),
    "nothing": entry(b"N"),
    "no name": b"\x80\x04cos",
    "a name without end": b"\x80\x04c" + b"a" * 1_000_000,
    # bombs
    "a million instructions": b"\x80\x04" + b"N0" * 500_000 + b".",
    "a stack of 2 million": b"\x80\x04" + b"}" * 2_000_000 + b".",
    "marks": b"\x80\x04" + b"(" * 2_000_000 + b".",
    "deep lists": entry(b"]" * 90_000 + b"a" * 89_999),
    "deep tuples": entry(b")" + b"\x85" * 190_000),
    "doubling tuples": entry(b")" + b"q\x00h\x00\x86" * 50_000),
    "doubling lists": entry(b"](" + b"q\x00h\x00" * 20 + b"e"),
    "memos": entry(b"N" + b"".join(b"r" + struct.pack("<I", i) for i in range(90_000))),
    # Paddle's own tables
    "parts that are no dict": b"\x80\x04}(" + text("UnpackBigParamInfor@@") + b"K\x01" + b"u.",
    "parts that are missing": pickle.dumps({"UnpackBigParamInfor@@": {"w": {"OriginShape": (2,), "slices": ["a"]}}}, 4),
    "parts without slices": pickle.dumps({"UnpackBigParamInfor@@": {"w": {"OriginShape": (2,), "slices": []}}}, 4),
    "parts of another shape": pickle.dumps(
        {"a": np.zeros(2), "UnpackBigParamInfor@@": {"w": {"OriginShape": (2**40,), "slices": ["a"]}}}, 4
    ),
    "the same part many times": pickle.dumps(
        {"a": np.zeros(2), "UnpackBigParamInfor@@": {"w": {"OriginShape": (2000,), "slices": ["a"] * 1000}}}, 4
    ),
    "parts under a name that is taken": pickle.dumps(
        {"w": np.zeros(2), "UnpackBigParamInfor@@": {"w": {"OriginShape": (2,), "slices": ["w"]}}}, 4
    ),
    "parts of two types": pickle.dumps(
        {
            "a": np.zeros(1, np.float32),
            "b": np.zeros(1, np.float16),
            "UnpackBigParamInfor@@": {"w": {"OriginShape": (2,), "slices": ["a", "b"]}},
        },
        4,
    ),
}


def read_all(path: Path) -> dict[str, Any]:
    file = PdparamsFile(path)
    return {name: file.raw(name).data for name in file.names()}


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(folder: Path, data: bytes) -> str:
    """The message with which a file is refused, within time and memory, and without a trace of its wishes."""
    path = folder / "model_state.pdparams"
    path.write_bytes(data)
    started = time.process_time()
    with pytest.raises(CheckpointError) as caught:
        read_all(path)
    assert time.process_time() - started < SECONDS
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError):
            read_all(path)
        assert tracemalloc.get_traced_memory()[1] < len(data) + MEGABYTES * 2**20
    finally:
        tracemalloc.stop()
    assert sorted(os.listdir(folder)) == ["model_state.pdparams"]
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert message.isprintable()
    return message


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize(("module", "name", "argument"), CALLS)
def test_what_would_be_called_is_named_and_not_called(
    in_folder: Path, naming: str, module: str, name: str, argument: str
) -> None:
    message = refused(in_folder, entry(NAMINGS[naming](module, name) + text(argument) + b"\x85R"))
    assert "loading it would call" in message
    assert message.isascii() or "ｂ" in message


@pytest.mark.parametrize("name", OTHERS)
def test_other_tricks_are_refused(in_folder: Path, name: str) -> None:
    refused(in_folder, OTHERS[name])


VALID = {
    protocol: pickle.dumps(
        OrderedDict(
            {
                "a": np.arange(40, dtype=np.float32).reshape(5, 8),
                "b": np.arange(3, dtype=np.float16),
                "c": np.asfortranarray(np.arange(6, dtype=np.uint16).reshape(2, 3)),
                "StructuredToParameterName@@": {"a": "linear_0.w_0"},
            }
        ),
        protocol,
    )
    for protocol in (2, 3, 4, 5)
}


@pytest.mark.parametrize("protocol", VALID)
def test_what_is_valid_is_read(in_folder: Path, protocol: int) -> None:
    (in_folder / "w.pdparams").write_bytes(VALID[protocol])
    arrays = read_all(in_folder / "w.pdparams")
    assert list(arrays) == ["a", "b", "c"]
    wanted = pickle.loads(VALID[protocol])
    for name, values in arrays.items():
        np.testing.assert_array_equal(values, wanted[name], strict=True)


@pytest.mark.parametrize("protocol", VALID)
def test_a_file_cut_anywhere_is_refused(in_folder: Path, protocol: int) -> None:
    data = VALID[protocol]
    for size in range(len(data)):
        refused(in_folder, data[:size])


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Some bytes changed, doubled, moved or left out."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(changed))
        end = min(len(changed), at + rng.randint(1, 40))
        match rng.randrange(4):
            case 0:
                changed[at] = rng.randrange(256)
            case 1:
                changed[at:at] = changed[at:end]
            case 2 if end - at < len(changed):
                del changed[at:end]
            case _:
                other = rng.randrange(len(changed))
                changed[at:at] = changed[other : other + end - at]
    return bytes(changed)


def read_or_refuse(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        arrays = read_all(path)
        assert sum(array.nbytes for array in arrays.values()) <= 64 * len(data)
    except CheckpointError:
        pass


@pytest.mark.parametrize("count", [2000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_changed_file_is_read_or_refused(in_folder: Path, count: int) -> None:
    rng = random.Random(count)
    for _ in range(count):
        read_or_refuse(in_folder / "w.pdparams", mutate(VALID[rng.choice((2, 3, 4, 5))], rng))
    assert os.listdir(in_folder) == ["w.pdparams"]
