"""The KV-cache blocks as plain numbers: who holds them, which are free, which hold a known prefix.

A block is free when nobody holds it. Free blocks keep their content and their hash until they are handed out again,
oldest first, so the prefix cache is simply what has not been overwritten yet. Whoever holds a findable block holds
those of the tokens before it, and lets go of them after it: a prefix outlives its continuations, and what is free and
findable can be reached.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence


class BlockPool:
    """`num_blocks` blocks with reference counts and a hash index."""

    def __init__(self, num_blocks: int) -> None:
        self.num_blocks = num_blocks
        self._ref_counts = [0] * num_blocks
        self._hashes: list[bytes | None] = [None] * num_blocks
        self._by_hash: dict[bytes, int] = {}
        self._free: OrderedDict[int, None] = OrderedDict.fromkeys(range(num_blocks))  # next to be handed out first

    @property
    def num_free(self) -> int:
        """Blocks that nobody holds."""
        return len(self._free)

    def ref_count(self, block_id: int) -> int:
        """Holders of a block."""
        return self._ref_counts[block_id]

    def allocate(self, count: int) -> list[int]:
        """Hands out the `count` longest-free blocks; what they cached is forgotten. The caller checks `num_free`
        first."""
        if count > len(self._free):
            raise ValueError(f"{count} blocks asked for, {len(self._free)} free")
        block_ids = []
        for _ in range(count):
            block_id, _ = self._free.popitem(last=False)
            self._forget(block_id)
            self._ref_counts[block_id] = 1
            block_ids.append(block_id)
        return block_ids

    def lookup(self, hashes: Sequence[bytes]) -> list[int]:
        """Blocks of the longest cached prefix; does not take hold of them."""
        block_ids = []
        for block_hash in hashes:
            block_id = self._by_hash.get(block_hash)
            if block_id is None:
                break
            block_ids.append(block_id)
        return block_ids

    def acquire(self, block_ids: Iterable[int]) -> None:
        """Takes hold of cached blocks, free or not."""
        for block_id in block_ids:
            if self._ref_counts[block_id] == 0:
                del self._free[block_id]
            self._ref_counts[block_id] += 1

    def release(self, block_ids: Sequence[int]) -> None:
        """Lets go of a request's blocks, given in order. The last ones are reused first: a prefix outlives its
        continuation.

        Blocks without a hash hold nothing that anyone could find, so they are reused before all others.
        """
        for block_id in reversed(block_ids):
            if self._ref_counts[block_id] < 1:
                raise ValueError(f"block {block_id} is released twice")
            self._ref_counts[block_id] -= 1
            if self._ref_counts[block_id] == 0:
                self._free[block_id] = None
                if self._hashes[block_id] is None:
                    self._free.move_to_end(block_id, last=False)

    def register(self, block_id: int, block_hash: bytes) -> int:
        """Makes a full block findable, unless another with the same content is; returns the one that is."""
        findable = self._by_hash.setdefault(block_hash, block_id)
        if findable == block_id:
            self._hashes[block_id] = block_hash
        return findable

    def forget(self, block_ids: Iterable[int]) -> None:
        """Takes blocks out of the hash index, held or not: their content is not to be trusted."""
        for block_id in block_ids:
            self._forget(block_id)

    def _forget(self, block_id: int) -> None:
        block_hash = self._hashes[block_id]
        if block_hash is not None:
            del self._by_hash[block_hash]
            self._hashes[block_id] = None
