"""A shuffled order of the numbers below any count, found number by number. Holds no list."""

from __future__ import annotations

import hashlib
import random

_SHUFFLED_IN_MEMORY = 4096
_ROUNDS = 6


class Permutation:
    """A seeded permutation of the integers from 0 to `count` - 1.

    Small ones are shuffled; large ones are a Feistel network over the next power of four, walked until the number is
    in range, which takes four steps at most on average.

    Source: Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002: cycle walking.
    """

    def __init__(self, count: int, seed: str) -> None:
        self._count = count
        self._order: list[int] | None = None
        if count <= _SHUFFLED_IN_MEMORY:
            self._order = list(range(count))
            random.Random(seed).shuffle(self._order)
        self._half_bits = max((count - 1).bit_length() + 1, 2) // 2
        self._key = hashlib.blake2b(seed.encode(), digest_size=32).digest()

    def __getitem__(self, position: int) -> int:
        if not 0 <= position < self._count:
            raise IndexError(position)
        if self._order is not None:
            return self._order[position]
        number = self._encrypt(position)
        while number >= self._count:
            number = self._encrypt(number)
        return number

    def _encrypt(self, number: int) -> int:
        bits = self._half_bits
        mask = (1 << bits) - 1
        left, right = number >> bits, number & mask
        size = (bits + 7) // 8
        for round_number in range(_ROUNDS):
            data = round_number.to_bytes(1, "big") + right.to_bytes(size, "big")
            digest = self._digest(data, size)
            left, right = right, left ^ (digest & mask)
        return (left << bits) | right

    def _digest(self, data: bytes, size: int) -> int:
        # shake gives as many bits as a half needs, however large the space.
        return int.from_bytes(hashlib.shake_128(self._key + data).digest(size), "big")
