"""Postings filed by word and searched by FAISS.

Beside `engine.indexes.sketch` the one module that imports FAISS.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Collection
from typing import Any

import numpy as np

from ..cores import threads_for
from ..local.base import DESCRIPTOR_BYTES, DESCRIPTOR_SCALE
from ..local.coding import CODE_BYTES, WORDS, codebook
from ..types import FloatArray, IntArray
from .postings import Postings

with warnings.catch_warnings():  # SWIG's types have no __module__, which Python 3.12 deprecates
    warnings.filterwarnings("ignore", message="builtin type [Ss]wig", category=DeprecationWarning)
    import faiss

BITS = 8
PROBES = 8
"""How many words' lists a descriptor's search looks through."""

ROWS_A_THREAD = 64


class PostingLists:
    """An immutable inverted file of postings."""

    def __init__(self, lists: Any) -> None:
        self._lists = lists

    @classmethod
    def of(cls, postings: Postings) -> PostingLists:
        """Those postings, each list in the order of their ids."""
        index: Any = faiss.IndexIVFPQ(_words(), DESCRIPTOR_BYTES, WORDS, CODE_BYTES, BITS)
        index.by_residual = False
        index.quantizer_trains_alone = 1
        faiss.copy_array_to_vector(codebook().centroids.ravel(), index.pq.centroids)
        index.is_trained = True
        filed = postings.by_word()
        words, starts = np.unique(filed.words, return_index=True)
        ends = np.append(starts[1:], len(filed))
        for word, start, end in zip(words.tolist(), starts.tolist(), ends.tolist(), strict=True):
            index.invlists.add_entries(
                word,
                end - start,
                faiss.swig_ptr(filed.ids[start:end]),
                faiss.swig_ptr(filed.codes[start:end]),
            )
        index.ntotal = len(filed)
        index.nprobe = PROBES
        return cls(index)

    def __len__(self) -> int:
        return int(self._lists.ntotal)

    def postings(self, left_out: Collection[int]) -> Postings:
        """What is filed, by word, without some examples."""
        lists = self._lists.invlists
        sizes = np.array([lists.list_size(word) for word in range(WORDS)], np.int64)
        ids = np.empty(len(self), np.int64)
        codes = np.empty((len(self), CODE_BYTES), np.uint8)
        end = 0
        for word in np.flatnonzero(sizes).tolist():
            start, end = end, end + int(sizes[word])
            ids[start:end] = faiss.rev_swig_ptr(lists.get_ids(word), end - start)
            filed = faiss.rev_swig_ptr(lists.get_codes(word), (end - start) * CODE_BYTES)
            codes[start:end] = filed.reshape(end - start, CODE_BYTES)
        words = np.repeat(np.arange(WORDS, dtype=np.uint16), sizes)
        return Postings(ids, words, codes).without(left_out)

    def search(self, descriptors: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
        """The nearest postings.

        Args:
            descriptors: `(m, 128) float32`, in the units that they are stored in.

        Returns:
            Squared distances of unit vectors `(m, k) float32` and example ids `(m, k) int64`,
            nearest first, padded with -1.
        """
        faiss.omp_set_num_threads(threads_for(len(descriptors) // ROWS_A_THREAD))
        squares, ids = self._lists.search(descriptors, k)
        return squares / np.float32(DESCRIPTOR_SCALE**2), ids


@functools.cache
def _words() -> faiss.MultiIndexQuantizer:
    """Every pair of halves, the first half's number below."""
    quantizer = faiss.MultiIndexQuantizer(DESCRIPTOR_BYTES, 2, BITS)
    faiss.copy_array_to_vector(codebook().halves.ravel(), quantizer.pq.centroids)
    quantizer.is_trained = True
    quantizer.ntotal = WORDS
    return quantizer
