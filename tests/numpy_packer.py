"""What the packing kernels do, written with numpy from csrc/include/sampan/pack.h and matmul.h, to the bit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

PANEL = 16
GROUP_SIZE = 32

Float32 = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]
Scales = npt.NDArray[np.float16]


def ascending_sum(values: Float32) -> Float32:
    """Sums over the last axis in ascending order, rounding after each step."""
    total = np.zeros(values.shape[:-1], np.float32)
    for step in np.moveaxis(values, -1, 0):
        total = total + step
    return total


def groups_of(x: Float32) -> tuple[Float32, Float32, npt.NDArray[np.bool_]]:
    """Groups [rows, k / 32, 32], their absmax, and which of them hold next to nothing."""
    groups = x.reshape(len(x), -1, GROUP_SIZE)
    absmax = np.abs(groups).max(axis=-1)
    return groups, absmax, absmax < np.float32(2.0**-26)


def half(x: Float32) -> Float32:
    """The nearest number that fp16 holds."""
    return x.astype(np.float16).astype(np.float32)


def inverse_of(x: Float32) -> Float32:
    return np.float32(1) / np.where(x == 0, np.float32(1), x)


def quantize_int8(x: Float32) -> tuple[Codes, Scales]:
    """Codes [rows, k] and scales [rows, k / 32]."""
    groups, absmax, empty = groups_of(x)
    best = np.zeros(absmax.shape, np.float32)
    least = np.full(absmax.shape, np.inf, np.float32)
    for step in range(16):
        part = (np.float32(1.0005) + np.float32(0.0045) * np.float32(step)) / np.float32(127)
        scale = half(absmax * part + np.float32(2.0**-25))
        codes = np.rint(groups * inverse_of(scale)[..., None])
        error = groups - codes * scale[..., None]
        squares = ascending_sum(error * error)
        better = squares < least
        best, least = np.where(better, scale, best), np.where(better, squares, least)
    best[empty] = 0
    codes = np.rint(groups * np.where(empty, np.float32(0), inverse_of(best))[..., None])
    return codes.astype(np.int64).reshape(x.shape), best.astype(np.float16)


def quantize_int4(x: Float32) -> tuple[Codes, Scales]:
    """Codes [rows, k] and scales [rows, k / 32]."""
    groups, absmax, empty = groups_of(x)
    extreme = np.where((groups == -absmax[..., None]).any(axis=-1), -absmax, absmax)
    unit = inverse_of(np.where(empty, np.float32(1), extreme))
    best, most = np.zeros(absmax.shape, np.float32), np.zeros(absmax.shape, np.float32)

    def improve(inverse: Float32) -> None:
        nonlocal best, most
        codes = np.clip(np.rint(groups * inverse[..., None]), -8, 7).astype(np.float32)
        products, squares = ascending_sum(groups * codes), ascending_sum(codes * codes)
        scale = products / np.where(squares == 0, np.float32(1), squares)
        better = products * scale > most
        best, most = np.where(better, scale, best), np.where(better, products * scale, most)

    for step in range(8):
        improve(unit * (np.float32(-8.4) + np.float32(0.3) * np.float32(step)))
    for _ in range(2):
        improve(inverse_of(best))
    scales = np.sign(best) * half(np.abs(best))
    empty = empty | (scales == 0)
    scales[empty] = 0
    codes = np.clip(np.rint(groups * np.where(empty, np.float32(0), inverse_of(scales))[..., None]), -8, 7)
    return codes.astype(np.int64).reshape(x.shape), scales.astype(np.float16)


def pad_rows(array: npt.NDArray[np.generic], fill: int = 0) -> npt.NDArray[np.generic]:
    """Rows up to a multiple of sixteen."""
    missing = -len(array) % PANEL
    return np.concatenate([array, np.full((missing, *array.shape[1:]), fill, array.dtype)])


def panels_of(rows: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """[n, k] to [panels, k, 16]."""
    padded = pad_rows(rows)
    return padded.reshape(-1, PANEL, padded.shape[1]).transpose(0, 2, 1)


def pack_int8(x: Float32) -> tuple[npt.NDArray[np.uint8], Scales]:
    """Codes [panels, k / 4, 16, 4] and scales [panels, k / 32, 16]."""
    codes, scales = quantize_int8(x)
    panels = panels_of(codes).reshape(-1, x.shape[1] // 4, 4, PANEL)
    return (panels.transpose(0, 1, 3, 2) + 128).astype(np.uint8), panels_of(scales).astype(np.float16)


def pack_int4(x: Float32) -> tuple[npt.NDArray[np.uint8], Scales]:
    """Codes [panels, k / 8, 16, 4] and scales [panels, k / 32, 16]."""
    codes, scales = quantize_int4(x)
    panels = panels_of(codes).reshape(-1, x.shape[1] // 8, 2, 4, PANEL).transpose(0, 1, 2, 4, 3) + 8
    return (panels[:, :, 0] | panels[:, :, 1] << 4).astype(np.uint8), panels_of(scales).astype(np.float16)


def unpack(codes: npt.NDArray[np.generic], scales: Scales | None, n: int) -> Float32:
    """The values [n, k] that packed panels stand for; 16-bit codes are those of float16."""
    if scales is None:
        values = codes.view(np.float16) if codes.dtype == np.uint16 else codes
        return values.transpose(0, 2, 1).reshape(-1, codes.shape[1])[:n].astype(np.float32)
    k = scales.shape[1] * GROUP_SIZE
    if codes.shape[1] == k // 4:
        wide = codes.astype(np.int64).transpose(0, 2, 1, 3).reshape(-1, k) - 128
    else:
        halves = np.stack([codes & 15, codes >> 4], axis=2).astype(np.int64)  # [panels, k / 8, 2, 16, 4]
        wide = halves.transpose(0, 3, 1, 2, 4).reshape(-1, k) - 8
    by_row = scales.transpose(0, 2, 1).reshape(-1, k // GROUP_SIZE)
    groups = wide.reshape(-1, k // GROUP_SIZE, GROUP_SIZE) * by_row[..., None].astype(np.float32)
    return groups.reshape(-1, k)[:n].astype(np.float32)
