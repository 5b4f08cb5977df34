"""The values that a pickle holds (Python's protocols 2 to 5), as far as weight files need them, without unpickling.

A pickle is a program for a small stack machine, and its GLOBAL and REDUCE instructions call whatever they name. Here
the instructions are read one by one, over a map of the file; what they name is compared with a short list of words and
never imported or called. Instructions that weight files do not need do not exist here. So the worst that a file can do
is to be refused.

Long byte strings stay where they lie: a `Span` says where. What a file can make us allocate is bounded by
`MAX_INSTRUCTIONS` and by its own size. Source: the comments of Python's `pickletools`.
"""

from __future__ import annotations

import reprlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sampan.checkpoint.cursor import Cursor
from sampan.errors import CheckpointError

MAX_INSTRUCTIONS = 200_000  # a tensor takes 30 to 45, and the largest distills have some 1500
MAX_TEXT_BYTES = 1024  # longer text is data in disguise: protocol 2 stores bytes so
MAX_INTEGER_BYTES = 8

REFUSED = "use the safetensors or the state dict that the model's authors publish"


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of the file. `is_text`: they are UTF-8 of text whose characters are the bytes that are meant."""

    begin: int
    end: int
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class Global:
    """What a pickle would import. Here it is but a name."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True)
class ElementType:
    """`numpy.dtype(code)`; `order` is `<`, `>` or `|`."""

    code: str
    order: str = "<"


@dataclass(slots=True)
class StoredArray:
    """A numpy array: unread elements and what they are. Without `data` it is not complete."""

    shape: tuple[int, ...] = ()
    element: ElementType | None = None
    is_fortran: bool = False
    data: Span | bytes | None = None


class PickleReader(Cursor):
    """Reads one pickle.

    Args:
        data: the file.
        source: its name, for messages.
    """

    def __init__(self, data: memoryview, source: str) -> None:
        super().__init__(data, source)
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def read(self) -> Any:
        """The value: dicts, lists, tuples, text, numbers, `Span`s and `StoredArray`s.

        Raises:
            CheckpointError: it is damaged, holds anything else, or names anything else; says which.
        """
        for _ in range(MAX_INSTRUCTIONS):
            code = self._take(1)[0]
            if code == STOP:
                if len(self._stack) != 1 or self._marks or self._at != len(self._data):
                    self._fail("the pickle does not end where the file does")
                return self._stack.pop()
            execute = INSTRUCTIONS.get(code)
            if execute is None:
                self._fail(f"the pickle holds the instruction {code:#04x}, which weights have no need of")
            execute(self)
        self._fail(f"the pickle holds more than {MAX_INSTRUCTIONS} instructions")

    # ---- bytes of the program

    def _number(self, size: int, *, signed: bool = False) -> int:
        return int.from_bytes(self._take(size), "little", signed=signed)

    def _skip(self, size: int) -> None:
        self._take(size)

    def _real(self) -> float:
        value: float = struct.unpack(">d", self._take(8))[0]
        return value

    def _span(self, length_bytes: int, *, is_text: bool = False) -> Span:
        size = self._number(length_bytes)
        begin = self._at
        self._take(size)
        return Span(begin, self._at, is_text)

    def _text(self, span: Span) -> str:
        return self._decoded(self._data[span.begin : span.end])

    # ---- the stack

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            self._fail("the pickle takes what it has not put down")
        return self._stack.pop()

    def _pop_pair(self) -> list[Any]:
        value = self._pop()
        return [self._pop(), value]

    def _drop(self) -> None:
        self._pop()

    def _mark(self) -> None:
        self._marks.append(len(self._stack))

    def _pop_to_mark(self) -> list[Any]:
        if not self._marks:
            self._fail("the pickle takes what it has not put down")
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        return items

    def _top(self, kind: type) -> Any:
        value = self._pop()
        if not isinstance(value, kind):
            self._fail(f"the pickle takes a {type(value).__name__} for a {kind.__name__}")
        return value

    # ---- instructions

    def _proto(self) -> None:
        version = self._number(1)
        if not 2 <= version <= 5:
            self._fail(f"pickle protocol {version} is not read")

    def _push_text(self, length_bytes: int) -> None:
        span = self._span(length_bytes, is_text=True)
        self._push(span if span.end - span.begin > MAX_TEXT_BYTES else self._text(span))

    def _push_long(self, length_bytes: int) -> None:
        size = self._number(length_bytes)
        if size > MAX_INTEGER_BYTES:
            self._fail(f"an integer of {size} bytes")
        self._push(self._number(size, signed=True))

    def _push_line_global(self) -> None:
        self._push(Global(self._line(), self._line()))

    def _line(self) -> str:
        begin = self._at
        while self._take(1)[0] != ord("\n"):
            if self._at - begin > MAX_TEXT_BYTES:
                self._fail("a name without end")
        return self._text(Span(begin, self._at - 1))

    def _push_stack_global(self) -> None:
        name, module = self._top(str), self._top(str)
        self._push(Global(module, name))

    def _push_tuple(self, size: int) -> None:
        items = [self._pop() for _ in range(size)]
        self._push(tuple(reversed(items)))

    def _append(self, items: list[Any]) -> None:
        target = self._top(list)
        target += items
        self._push(target)

    def _set_items(self, items: list[Any]) -> None:
        target = self._top(dict)
        if len(items) % 2:
            self._fail("a key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, (str, int)):
                self._fail(f"a {type(key).__name__} as a key")
            if key in target:
                self._fail(f"{reprlib.repr(key)} is there twice")
            target[key] = value
        self._push(target)

    def _put(self, index: int) -> None:
        value = self._pop()
        self._memo[index] = value
        self._push(value)

    def _get(self, index: int) -> None:
        if index not in self._memo:
            self._fail("the pickle refers to what it has not named")
        self._push(self._memo[index])

    def _reduce(self) -> None:
        arguments, called = self._top(tuple), self._top(Global)
        meaning = MEANINGS.get((called.module, called.name))
        if meaning is None:
            raise CheckpointError(
                f"{self._source}: loading it would call {reprlib.repr(str(called))}, which weights have no need of",
                remedy=REFUSED,
            )
        match meaning, arguments:
            case "array", (Global("numpy", "ndarray"), (0,), _):
                value: Any = StoredArray()
            case "array from buffer", (Span() | bytes() as data, ElementType() as element, tuple() as shape, "C" | "F"):
                value = StoredArray(shape, element, arguments[3] == "F", data)
            case "element type", (str() as code, _, _):
                value = ElementType(code)
            case "encode", (Span(is_text=True) | str() as text, "latin1"):
                value = text if isinstance(text, Span) else self._encoded(text)
            case "bytes", ():
                value = b""
            case "tuple", (list() | tuple() as items,):
                value = tuple(items)
            case "dict", ():
                value = {}
            case _:
                self._fail(f"{called} is given something odd")
        self._push(value)

    def _encoded(self, text: str) -> bytes:
        try:
            return text.encode("latin-1")
        except UnicodeEncodeError:
            self._fail("text that stands for bytes holds other characters")

    def _build(self) -> None:
        state, target = self._top(tuple), self._pop()
        match target, state:
            case ElementType(), (int(), "<" | ">" | "|" as order, None, None, None, -1, -1, 0):
                target.order = order
            case (
                StoredArray(data=None),
                (1, tuple() as shape, ElementType() as element, bool() as is_fortran, Span() | bytes() as data),
            ):
                target.shape, target.element, target.is_fortran, target.data = shape, element, is_fortran, data
            case _:
                self._fail(f"a {type(target).__name__} is given an odd state")
        self._push(target)


# numpy moved its modules with version 2; Python 3 writes `__builtin__` in protocol 2.
MEANINGS = {
    ("numpy.core.multiarray", "_reconstruct"): "array",
    ("numpy._core.multiarray", "_reconstruct"): "array",
    ("numpy.core.numeric", "_frombuffer"): "array from buffer",
    ("numpy._core.numeric", "_frombuffer"): "array from buffer",
    ("numpy", "dtype"): "element type",
    ("_codecs", "encode"): "encode",
    ("__builtin__", "bytes"): "bytes",
    ("builtins", "bytes"): "bytes",
    ("__builtin__", "tuple"): "tuple",
    ("builtins", "tuple"): "tuple",
    ("collections", "OrderedDict"): "dict",
}

STOP = ord(".")
Instruction = Callable[[PickleReader], None]
INSTRUCTIONS: dict[int, Instruction] = {
    code[0]: execute
    for code, execute in (
        (b"\x80", PickleReader._proto),
        (b"\x95", lambda reader: reader._skip(8)),  # FRAME: how much to read ahead
        (b"(", lambda reader: reader._mark()),
        (b"0", lambda reader: reader._drop()),
        (b"N", lambda reader: reader._push(None)),
        (b"\x88", lambda reader: reader._push(True)),
        (b"\x89", lambda reader: reader._push(False)),
        (b"K", lambda reader: reader._push(reader._number(1))),
        (b"M", lambda reader: reader._push(reader._number(2))),
        (b"J", lambda reader: reader._push(reader._number(4, signed=True))),
        (b"\x8a", lambda reader: reader._push_long(1)),
        (b"G", lambda reader: reader._push(reader._real())),
        (b"\x8c", lambda reader: reader._push_text(1)),
        (b"X", lambda reader: reader._push_text(4)),
        (b"\x8d", lambda reader: reader._push_text(8)),
        (b"C", lambda reader: reader._push(reader._span(1))),
        (b"B", lambda reader: reader._push(reader._span(4))),
        (b"\x8e", lambda reader: reader._push(reader._span(8))),
        (b"\x96", lambda reader: reader._push(reader._span(8))),  # BYTEARRAY8
        (b")", lambda reader: reader._push(())),
        (b"t", lambda reader: reader._push(tuple(reader._pop_to_mark()))),
        (b"\x85", lambda reader: reader._push_tuple(1)),
        (b"\x86", lambda reader: reader._push_tuple(2)),
        (b"\x87", lambda reader: reader._push_tuple(3)),
        (b"]", lambda reader: reader._push([])),
        (b"a", lambda reader: reader._append([reader._pop()])),
        (b"e", lambda reader: reader._append(reader._pop_to_mark())),
        (b"}", lambda reader: reader._push({})),
        (b"s", lambda reader: reader._set_items(reader._pop_pair())),
        (b"u", lambda reader: reader._set_items(reader._pop_to_mark())),
        (b"q", lambda reader: reader._put(reader._number(1))),
        (b"r", lambda reader: reader._put(reader._number(4))),
        (b"\x94", lambda reader: reader._put(len(reader._memo))),  # MEMOIZE
        (b"h", lambda reader: reader._get(reader._number(1))),
        (b"j", lambda reader: reader._get(reader._number(4))),
        (b"c", PickleReader._push_line_global),
        (b"\x93", PickleReader._push_stack_global),
        (b"R", PickleReader._reduce),
        (b"b", PickleReader._build),
    )
}
