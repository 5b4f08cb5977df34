"""Which request holds which blocks, and which prompt beginnings are already computed."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence

from sampan.engine.block_pool import BlockPool
from sampan.engine.request import Request


def hash_block(parent: bytes, token_ids: Sequence[int]) -> bytes:
    """SHA-256 over the parent's hash and the block's ids: equal hashes mean equal tokens from the very beginning.

    A cryptographic hash, because a collision would show one user another user's context.
    """
    return hashlib.sha256(parent + array("q", token_ids).tobytes()).digest()


class KVCacheManager:
    """Gives requests their blocks.

    Args:
        revision: salts every hash; keys and values of another model are never found.
    """

    def __init__(
        self, num_blocks: int, block_size: int, *, enable_prefix_caching: bool = True, revision: str = ""
    ) -> None:
        self.pool = BlockPool(num_blocks)
        self.block_size = block_size
        self._caching = enable_prefix_caching
        self._revision = revision
        self.num_queried_tokens = 0  # prompt tokens looked up, and how many of them were found
        self.num_hit_tokens = 0

    def admit(self, request: Request, budget: int) -> int:
        """Gives a request that holds nothing the longest cached beginning of its tokens, and room for as many more as
        `budget` allows.

        Returns:
            how many that is; 0, and nothing changed, where the pool has not got room for all its tokens: one that
            begins without could have to give way to itself.
        """
        self._acquire_cached_prefix(request)
        num_new = min(request.num_pending_tokens, budget)
        if self._num_missing_blocks(request, request.num_tokens) > self.pool.num_free:
            self.free(request)
            return 0
        self.allocate(request, num_new)
        if request.num_cached_tokens is None:  # a preempted request looks again, and is not counted again
            request.num_cached_tokens = min(request.num_computed_tokens, request.num_prompt_tokens)
            self.num_queried_tokens += request.num_tokens
            self.num_hit_tokens += request.num_computed_tokens
        return num_new

    def _acquire_cached_prefix(self, request: Request) -> None:
        """The cached beginning counts as computed, as far as nothing else is wanted of it."""
        if not self._caching:
            return
        self._hash_full_blocks(request, request.num_tokens)
        usable = request.num_reusable_tokens // self.block_size
        block_ids = self.pool.lookup(request.block_hashes[:usable])
        self.pool.acquire(block_ids)
        request.block_ids.extend(block_ids)
        request.num_computed_tokens = len(block_ids) * self.block_size

    def allocate(self, request: Request, num_new_tokens: int) -> bool:
        """Gives the request room for its next tokens; false, and nothing changed, where the pool has too few blocks."""
        needed = self._num_missing_blocks(request, request.num_computed_tokens + num_new_tokens)
        if needed > self.pool.num_free:
            return False
        if needed > 0:
            request.block_ids.extend(self.pool.allocate(needed))
        return True

    def trim(self, request: Request) -> None:
        """Takes the blocks back that hold no computed token: those of rejected drafts, which others may need first."""
        needed = -(-request.num_computed_tokens // self.block_size)
        if needed < len(request.block_ids):
            self.pool.release(request.block_ids[needed:])
            del request.block_ids[needed:]

    def register_computed(self, request: Request, num_before: int) -> None:
        """Makes the blocks findable that became full since `num_before` tokens were computed.

        Where another block holds the same already (requests that began alike at the same time), the request goes on
        with that one, and its own is free: the bits are equal (batch invariance), and a full block is never written to.
        """
        if not self._caching:
            return
        first, last = num_before // self.block_size, request.num_computed_tokens // self.block_size
        if first == last:
            return
        self._hash_full_blocks(request, request.num_computed_tokens)
        for index in range(first, last):
            own = request.block_ids[index]
            findable = self.pool.register(own, request.block_hashes[index])
            if findable != own:
                self.pool.acquire([findable])
                self.pool.release([own])
                request.block_ids[index] = findable

    def free(self, request: Request) -> None:
        """Takes all blocks back; their content stays findable until they are reused."""
        self.pool.release(request.block_ids)
        del request.block_ids[:]
        request.num_computed_tokens = 0

    def distrust(self, request: Request) -> None:
        """Makes the request's blocks unfindable: it met NaN or Inf."""
        self.pool.forget(request.block_ids)

    def _num_missing_blocks(self, request: Request, num_tokens: int) -> int:
        return -(-num_tokens // self.block_size) - len(request.block_ids)

    def _hash_full_blocks(self, request: Request, num_tokens: int) -> None:
        hashes = request.block_hashes
        parent = hashes[-1] if hashes else hash_root(self._revision, request.cache_salt)
        for start in range(len(hashes) * self.block_size, num_tokens - self.block_size + 1, self.block_size):
            parent = hash_block(parent, request.token_ids[start : start + self.block_size])
            hashes.append(parent)


def hash_root(revision: str, cache_salt: str) -> bytes:
    """Parent of the first block. The lengths keep ("ab", "c") and ("a", "bc") apart."""
    parts = [part.encode() for part in (revision, cache_salt)]
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "little") + part for part in parts)).digest()
