"""What makes a batch: splits by class, grouped sampling, distortion."""

import threading

import numpy as np
import pytest
import torch
from scipy import ndimage

from engine.errors import TrainingError
from engine.training.distortion import Distortion, Pose, distort, view
from engine.training.prefetch import prefetched
from engine.training.samplers import GroupedSampler, NeighbourSampler
from engine.training.splits import split_by_class


def table(groups=4, classes=7, columns=5):
    """Labels, groups and columns of one row for each class and column."""
    labels = np.repeat(np.arange(groups * classes), columns)
    return labels, labels // classes, np.tile(np.arange(columns), groups * classes)


def test_a_split_shares_no_class_and_loses_no_row():
    labels, _, _ = table()
    split = split_by_class(labels, 0.25, seed=1)
    assert not set(labels[split.training]) & set(labels[split.held_out])
    assert sorted([*split.training, *split.held_out]) == list(range(len(labels)))
    assert len(set(labels[split.held_out])) == 7


def test_a_split_follows_its_seed():
    labels, _, _ = table()
    one, same, other = (split_by_class(labels, 0.25, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.held_out, same.held_out)
    assert not np.array_equal(one.held_out, other.held_out)


def test_three_classes_cannot_be_split():
    with pytest.raises(TrainingError, match=r"at least 4 classes.*got 3"):
        split_by_class(np.array([0, 1, 2]), 0.5, seed=0)


def test_a_batch_holds_whole_groups_and_several_rows_of_each_class():
    labels, groups, _ = table()
    sampler = GroupedSampler(labels, groups, batch_size=28, per_class=2, classes_per_group=7)
    for rows in sampler.batches(20, seed=0):
        assert len(rows) == 28
        assert len(set(rows)) == 28
        assert (np.unique(labels[rows], return_counts=True)[1] == 2).all()
        assert len(np.unique(groups[rows])) == 2


def test_with_columns_the_classes_of_a_group_share_theirs():
    labels, groups, columns = table()
    sampler = GroupedSampler(labels, groups, batch_size=28, columns=columns)
    seen = set()
    for rows in sampler.batches(20, seed=0):
        for group in np.unique(groups[rows]):
            shared = set(columns[rows[groups[rows] == group]])
            assert len(shared) == 2
            seen |= shared
    assert seen == set(range(5))


def test_batches_follow_their_seed():
    labels, groups, _ = table()
    sampler = GroupedSampler(labels, groups, batch_size=20)
    one, same, other = (np.stack(list(sampler.batches(3, seed))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_too_few_pictures_of_a_class_are_refused():
    with pytest.raises(TrainingError, match=r"at least 2 pictures.*class 9 has 1"):
        GroupedSampler(np.array([3, 3, 9]), np.array([0, 0, 0]), batch_size=4)


def test_columns_with_a_gap_are_refused():
    labels, groups, columns = table()
    with pytest.raises(TrainingError, match="one picture in each of 5 columns"):
        GroupedSampler(labels[1:], groups[1:], batch_size=4, columns=columns[1:])


def drawing(seed=0):
    random = np.random.default_rng(seed)
    blurred = ndimage.gaussian_filter(random.random((24, 24)), 2)
    picture = np.zeros((24, 24), np.float32)
    picture[6:18, 6:18] = blurred[6:18, 6:18]
    return picture


def test_no_distortion_gives_the_picture_back():
    pictures = torch.from_numpy(drawing())[None, None]
    generator = torch.Generator().manual_seed(0)
    torch.testing.assert_close(distort(pictures, 24, Distortion(), generator), pictures)
    torch.testing.assert_close(view(pictures, 24, Pose()), pictures)


@pytest.mark.parametrize(
    ("pose", "degrees", "shift"),
    [
        (Pose(rotation=np.pi / 6), 30, (0, 0)),
        (Pose(across=2 / 12), 0, (0, -2)),
        (Pose(down=3 / 12), 0, (-3, 0)),
    ],
)
def test_a_pose_agrees_with_scipy(pose, degrees, shift):
    picture = drawing()
    expected = ndimage.rotate(picture, degrees, reshape=False, order=1)
    expected = ndimage.shift(expected, shift, order=1)
    posed = view(torch.from_numpy(picture)[None, None], 24, pose)[0, 0].numpy()
    np.testing.assert_allclose(posed, expected, atol=2e-3)


def test_a_scale_of_two_shows_twice_the_area():
    picture = torch.ones(1, 1, 24, 24)
    shrunk = view(picture, 24, Pose(scale=2.0))[0, 0]
    assert shrunk.sum().item() == pytest.approx(144, rel=0.02)


def test_distortion_follows_its_generator_and_moves_every_picture_its_own_way():
    pictures = torch.from_numpy(drawing())[None, None].repeat(3, 1, 1, 1)
    limits = Distortion(0.3, 0.2, 0.2, 0.1, 0.05, 1.0)
    one = distort(pictures, 20, limits, torch.Generator().manual_seed(4))
    same = distort(pictures, 20, limits, torch.Generator().manual_seed(4))
    assert one.shape == (3, 1, 20, 20)
    torch.testing.assert_close(one, same)
    assert (one[0] - one[1]).abs().max() > 0.05
    assert 0 <= one.min() <= one.max() <= 1


def test_strokes_become_thicker_and_thinner():
    line = torch.zeros(200, 1, 24, 24)
    line[:, :, 10:13] = 1.0
    changed = distort(line, 24, Distortion(stroke=1.0), torch.Generator().manual_seed(0))
    ink = changed.sum(dim=(1, 2, 3)) / line[0].sum()
    assert ink.max() > 1.5
    assert ink.min() < 0.9


def test_prefetching_keeps_the_order():
    assert list(prefetched(iter(range(50)))) == list(range(50))


def test_an_error_in_making_a_batch_is_raised_where_the_batch_would_be():
    def broken():
        yield 1
        raise TrainingError("the second batch")

    batches = prefetched(broken())
    assert next(batches) == 1
    with pytest.raises(TrainingError, match="the second batch"):
        next(batches)


def test_leaving_early_ends_the_thread_that_prefetches():
    before = threading.active_count()
    batches = prefetched(iter(range(1000)))
    assert next(batches) == 0
    batches.close()
    assert threading.active_count() == before


def on_a_circle(classes, each=1):
    """Classes evenly spaced on a circle: the neighbours of a class are those beside it."""
    labels = np.repeat(np.arange(classes), each)
    angles = 2 * np.pi * labels / classes
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32), labels


def test_a_batch_of_neighbours_holds_no_class_twice():
    embeddings, labels = on_a_circle(40, each=3)
    sampler = NeighbourSampler(embeddings, labels, 16)
    for rows in sampler.batches(20, seed=0):
        assert len(rows) == 16
        assert len(np.unique(labels[rows])) == 16


def test_many_batches_hold_classes_hard_to_tell_apart():
    embeddings, labels = on_a_circle(400)
    sampler = NeighbourSampler(embeddings, labels, 24)

    def apart(rows):
        steps = np.abs(labels[rows][:, None] - labels[rows][None])
        steps = np.minimum(steps, 400 - steps) + 400 * np.eye(len(rows))
        return np.median(steps.min(axis=1))

    distances = np.array([apart(rows) for rows in sampler.batches(60, seed=1)])
    hard = (distances <= 3).mean()  # 24 of 400 at random are some 4 steps apart at the median
    assert 0.4 < hard < 0.9


def test_batches_of_neighbours_follow_their_seed():
    embeddings, labels = on_a_circle(30)
    sampler = NeighbourSampler(embeddings, labels, 8)
    one, same, other = (np.stack(list(sampler.batches(4, seed))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_there_are_never_more_rows_than_classes():
    embeddings, labels = on_a_circle(5, each=2)
    assert NeighbourSampler(embeddings, labels, 32).batch_size == 5
