"""Votes name the pictures that descriptors come from, whatever was added and removed meanwhile."""

import numpy as np
import pytest

from engine.indexes.posting_lists import faiss  # imported there, and silenced
from engine.indexes.postings import Postings
from engine.indexes.votes import GROWTH, Votes
from engine.local import CodedFeatures, LocalFeatures
from engine.local.coding import WORDS

DRAWN = np.random.default_rng(7)


def _features(points: int = 60, seed: int | None = None) -> LocalFeatures:
    """Random descriptors as SIFT's look: most components small, a few large; of 512 in length."""
    random = DRAWN if seed is None else np.random.default_rng(seed)
    rows = random.gamma(0.7, 1.0, (points, 128))
    rows *= 512 / np.linalg.norm(rows, axis=1, keepdims=True)
    keypoints = random.uniform(1, 100, (points, 4)).astype(np.float32)
    return LocalFeatures(100, 100, keypoints, np.minimum(np.rint(rows), 255).astype(np.uint8))


def _seen_again(features: LocalFeatures, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 6, features.descriptors.shape)
    return np.clip(features.descriptors + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def pictures() -> dict[int, LocalFeatures]:
    return {example_id: _features(seed=example_id) for example_id in range(3, 43)}


@pytest.fixture(scope="module")
def votes(pictures: dict[int, LocalFeatures]) -> Votes:
    return Votes().added(_coded(pictures))


def _coded(pictures: dict[int, LocalFeatures]) -> dict[int, CodedFeatures]:
    return {example_id: CodedFeatures.of(each) for example_id, each in pictures.items()}


def test_each_picture_gets_most_votes_of_its_own_descriptors(
    votes: Votes, pictures: dict[int, LocalFeatures]
) -> None:
    for example_id, features in pictures.items():
        ids, counts = votes.vote(_seen_again(features), 5)
        assert ids[0] == example_id
        assert counts[0] > 2 * counts[1]
        assert (np.diff(counts) <= 0).all()
        assert ids.dtype == np.int64
        assert counts.dtype == np.float32


def test_who_narrows_faiss_for_all_of_a_process_does_no_harm(
    pictures: dict[int, LocalFeatures], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`faiss.contrib.torch_utils`, which other libraries import, replaces every index's `search`
    by one that takes no parameters."""
    votes = Votes().added(_coded(pictures))
    expected = votes.vote(_seen_again(pictures[3]), 5)
    search = faiss.IndexIVFPQ.search
    monkeypatch.setattr(faiss.IndexIVFPQ, "search", lambda self, x, k: search(self, x, k))
    for found, wanted in zip(votes.vote(_seen_again(pictures[3]), 5), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_an_empty_index_and_an_empty_query_vote_for_nothing(votes: Votes) -> None:
    for index, query in ((Votes(), _features().descriptors), (votes, np.empty((0, 128), np.uint8))):
        ids, counts = index.vote(query, 5)
        assert ids.shape == counts.shape == (0,)


def test_no_more_are_named_than_asked_for(votes: Votes) -> None:
    assert len(votes.vote(_features(seed=5).descriptors, 3)[0]) == 3


def test_adding_in_pieces_gives_the_same_votes(
    votes: Votes, pictures: dict[int, LocalFeatures]
) -> None:
    piecewise = Votes()
    for example_id, coded in _coded(pictures).items():
        piecewise = piecewise.added({example_id: coded})
    assert len(piecewise) == len(votes) == len(pictures)
    assert len(piecewise.describe()["segments"]) <= np.log(len(pictures)) / np.log(GROWTH) + 2
    query = _seen_again(pictures[17])
    ids, counts = piecewise.vote(query, 10)
    expected_ids, expected = votes.vote(query, 10)
    np.testing.assert_array_equal(ids, expected_ids)
    np.testing.assert_allclose(counts, expected, rtol=1e-4)


def test_what_was_removed_gets_no_vote_and_nothing_else_changes(
    votes: Votes, pictures: dict[int, LocalFeatures]
) -> None:
    left = votes.removed([17])
    others = {i: each for i, each in _coded(pictures).items() if i != 17}
    query = _seen_again(pictures[17])
    ids, counts = left.vote(query, 50)
    assert 17 not in ids
    assert 17 not in left
    expected_ids, expected = Votes().added(others).vote(query, 50)
    np.testing.assert_array_equal(ids, expected_ids)
    np.testing.assert_allclose(counts, expected, rtol=1e-4)
    assert votes.vote(query, 1)[0].tolist() == [17]  # what was held before is untouched


def test_removing_most_leaves_no_trace_of_them(pictures: dict[int, LocalFeatures]) -> None:
    left = Votes().added(_coded(pictures)).removed(range(3, 40))
    assert left.descriptors == 3 * 60
    assert left.vote(_seen_again(pictures[41]), 1)[0].tolist() == [41]
    assert Votes().added(_coded(pictures)).removed(pictures).descriptors == 0


def test_an_id_may_come_back_with_other_descriptors(pictures: dict[int, LocalFeatures]) -> None:
    index = Votes().added(_coded(pictures)).removed([17])
    new = _features(seed=99)
    index = index.added({17: CodedFeatures.of(new)})
    assert index.vote(_seen_again(new), 1)[0].tolist() == [17]
    ids, counts = index.vote(_seen_again(pictures[17]), 50)
    assert counts[ids == 17].sum() < 0.2 * counts.sum()


def test_a_common_mark_says_nothing() -> None:
    """Twenty pictures bear the same mark: what is their own decides, though it is much less."""
    mark = _features(100, seed=1)
    own = {i: _features(10, seed=100 + i) for i in range(20)}
    pictures = {
        i: LocalFeatures(
            100,
            100,
            np.concatenate([mark.keypoints, each.keypoints]),
            np.concatenate([mark.descriptors, each.descriptors]),
        )
        for i, each in own.items()
    }
    index = Votes().added(_coded(pictures))
    ids, counts = index.vote(_seen_again(pictures[7]), 20)
    assert ids[0] == 7
    assert counts[1:].sum() < 0.2 * counts[0]


def test_a_pattern_that_repeats_within_a_picture_speaks_once() -> None:
    tile = _features(1, seed=1)
    wall = LocalFeatures(
        100, 100, np.repeat(tile.keypoints, 8, axis=0), np.repeat(tile.descriptors, 8, axis=0)
    )
    index = Votes().added(_coded({1: wall, 2: tile, 3: _features(30, seed=2)}))
    ids, counts = index.vote(tile.descriptors, 3)
    assert ids[:2].tolist() == [1, 2]
    assert counts[0] == pytest.approx(counts[1])


def test_pictures_without_points_are_held_and_named_by_nobody() -> None:
    index = Votes().added({5: CodedFeatures.of(LocalFeatures.none(10, 10))})
    assert 5 in index
    assert len(index) == 1
    assert index.vote(_features().descriptors, 3)[0].size == 0
    assert len(index.removed([5])) == 0


def test_an_id_held_already_and_one_not_held_are_refused(
    votes: Votes, pictures: dict[int, LocalFeatures]
) -> None:
    with pytest.raises(ValueError, match="17 is in the index already"):
        votes.added({17: CodedFeatures.of(pictures[17])})
    with pytest.raises(ValueError, match="2 isn't among them"):
        votes.removed([3, 2])


def test_postings_come_back_as_they_were_filed(votes: Votes) -> None:
    coded = CodedFeatures.of(_features(500, seed=3))
    filed = Votes().added({4: coded})._segments[0].postings(())
    given = Postings.of({4: coded}).by_word()
    np.testing.assert_array_equal(filed.words, given.words)
    np.testing.assert_array_equal(np.sort(filed.codes, axis=0), np.sort(given.codes, axis=0))
    assert filed.words.max() < WORDS


def test_a_million_descriptors_take_less_than_eighty_megabytes() -> None:
    """Counted for a tenth of them, since the lists' own room is taken once."""
    import psutil

    process = psutil.Process()
    random = np.random.default_rng(0)
    n = 200_000
    postings = Postings(
        np.repeat(np.arange(n // 500), 500),
        random.integers(0, WORDS, n).astype(np.uint16),
        random.integers(0, 256, (n, 32)).astype(np.uint8),
    )
    Votes().added({1: CodedFeatures.of(_features())})  # whatever is loaded once
    from engine.indexes.posting_lists import PostingLists

    before = process.memory_info().rss
    filed = PostingLists.of(postings)
    grown = process.memory_info().rss - before
    assert len(filed) == n
    assert grown < 0.2 * 80e6 + 12e6  # sorting's arrays may stay with the allocator
