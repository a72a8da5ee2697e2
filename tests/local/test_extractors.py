"""Every extractor keeps the contract; RootSIFT gives what its formula says."""

import numpy as np

from engine.local.sift import RootSift, root_descriptors
from engine.testing.local_contract import LocalExtractorContract


class TestRootSift(LocalExtractorContract):
    def make_extractor(self) -> RootSift:
        return RootSift()


def test_the_square_root_of_a_descriptor_over_its_sum_is_a_unit_vector() -> None:
    sift = np.zeros((2, 128), np.float32)
    sift[0, [3, 7, 9]] = [90, 160, 0]  # sums to 250: the roots of 0.36 and 0.64
    sift[1, :] = 2
    rooted = root_descriptors(sift)
    assert rooted[0, [3, 7, 9]].tolist() == [255, 255, 0]  # 307 and 410, bounded
    assert set(rooted[1].tolist()) == {45}  # 512 · √(1/128) = 45.25


def test_a_descriptor_of_nothing_stays_nothing() -> None:
    assert not root_descriptors(np.zeros((1, 128), np.float32)).any()
