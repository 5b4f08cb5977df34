"""Codes of 4 and 8 bits in words of 32.

Most formats put the first code into the lowest bits of the first word. AutoAWQ puts eight neighbours into a word in
the order 0 2 4 6 1 3 5 7, so that its kernel unpacks pairs of them at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sampan.checkpoint.dtypes import Array

Codes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.int32]

WORD_BITS = 32
PACKED_BITS = (4, 8)
AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)


def num_words(count: int, bits: int) -> int:
    """Words that so many codes take."""
    return -(-count * bits // WORD_BITS)


def unpack_rows(words: Array, bits: int) -> Codes:
    """Words int32 [rows, words] to codes [rows, words * 32 / bits], the lowest bits first."""
    stored = np.ascontiguousarray(words, "<i4").view(np.uint8)
    if bits == 8:
        return stored
    pairs = stored.astype("<u2")  # a byte is two codes: the high one moves into a byte of its own
    pairs |= pairs << np.uint16(4)
    pairs &= np.uint16(0x0F0F)
    return pairs.view(np.uint8)


def pack_rows(codes: Codes, bits: int) -> Words:
    """The way back; a last word that is not full ends with zeros."""
    missing = num_words(codes.shape[1], bits) * WORD_BITS // bits - codes.shape[1]
    stored = np.ascontiguousarray(np.pad(codes, ((0, 0), (0, missing))) if missing else codes)
    if bits == 4:
        pairs = stored.view("<u2")
        stored = (pairs | pairs >> np.uint16(4)).astype(np.uint8)
    return stored.view("<i4")


def unpack_columns(words: Array, bits: int) -> Codes:
    """Words int32 [words, n] that lie along the first axis to codes [n, words * 32 / bits], the lowest bits first."""
    return unpack_rows(words.T, bits)


def unpack_awq(words: Array) -> Codes:
    """AutoAWQ's words int32 [k, n / 8] of 4-bit codes to [n, k]."""
    turned = np.ascontiguousarray(words.T, "<i4").view("<u4")
    codes = np.empty((len(turned), len(AWQ_ORDER), turned.shape[1]), np.uint8)
    for place, column in enumerate(AWQ_ORDER):
        codes[:, column] = turned >> np.uint32(4 * place) & np.uint32(0xF)
    return codes.reshape(-1, turned.shape[1])
