"""Whatever is given to a public method, what comes back is an answer or one of our errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine import Client, OnelookError, Recognizer, SettingsError
from engine.recognizer import compare
from engine.testing.fake_backbone import FakeBackbone
from tests.conftest import quarters

PICTURE = quarters(1)
WILD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**62, max_value=2**70),
    st.floats(),
    st.text(max_size=40),
    st.binary(max_size=40),
    st.sampled_from(
        [[], [1], {}, {"a": math.nan}, (), object(), np.zeros(3), np.float32(math.inf)]
    ),
)

METHODS: dict[str, Callable[[Recognizer, Any], Any]] = {
    "recognize": lambda r, x: r.recognize(x),
    "recognize, candidates": lambda r, x: r.recognize(PICTURE, candidates=x),
    "recognize_many": lambda r, x: list(r.recognize_many([x])),
    "recognize_many, candidates": lambda r, x: list(r.recognize_many([PICTURE], candidates=x)),
    "recognize_embeddings": lambda r, x: r.recognize_embeddings(x),
    "nearest": lambda r, x: r.nearest(x),
    "nearest, k": lambda r, x: r.nearest(PICTURE, x),
    "nearest_embeddings": lambda r, x: r.nearest_embeddings(x),
    "verify": lambda r, x: r.verify(PICTURE, x),
    "confirm": lambda r, x: r.confirm(PICTURE, x),
    "enroll, label": lambda r, x: r.enroll(x, PICTURE),
    "enroll, image": lambda r, x: r.enroll("c1", x),
    "enroll, attributes": lambda r, x: r.enroll("c1", quarters(1, 64), attributes=x),
    "calibrate, target_fpir": lambda r, x: r.calibrate(target_fpir=x),
    "pin": lambda r, x: r.gallery.classes.pin("c1", x),
    "pin, label": lambda r, x: r.gallery.classes.pin(x, 0.5),
    "rename": lambda r, x: r.gallery.classes.rename("c1", x),
    "rename, from": lambda r, x: r.gallery.classes.rename(x, "c1"),
    "remove": lambda r, x: r.gallery.classes.remove(x),
    "set_attributes": lambda r, x: r.gallery.classes.set_attributes("c1", x),
    "merge": lambda r, x: r.gallery.classes.merge([x], "c1"),
    "set_target_fpir": lambda r, x: r.gallery.thresholds.set_target_fpir(x),
    "remove an example": lambda r, x: r.gallery.examples.remove(x),
    "compare": lambda _, x: compare(PICTURE, x, backbone=FakeBackbone()),
    "open, backbone": lambda r, x: Recognizer.open(r.gallery.location.path, backbone=x).close(),
    "open, device": lambda r, x: Recognizer.open(r.gallery.location.path, device=x).close(),
    "open, index": lambda r, x: Recognizer.open(r.gallery.location.path, index=x).close(),
    "open, path": lambda _, x: Recognizer.open(x).close(),
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recognizer]:
    folder = tmp_path_factory.mktemp("wild") / "g"
    with Recognizer.open(folder, create=True, backbone=FakeBackbone()) as recognizer:
        yield recognizer


@pytest.mark.parametrize("method", METHODS)
def test_anything_gives_an_answer_or_one_of_our_errors(opened: Recognizer, method: str) -> None:
    @given(WILD)
    @hypothesis_settings(max_examples=40)
    def ask(value: Any) -> None:
        opened.enroll("c1", PICTURE, allow_duplicates=True)
        try:
            METHODS[method](opened, value)
        except OnelookError as error:
            assert len(str(error)) < 2000  # noqa: PT017 - either way is right

    ask()


@pytest.mark.parametrize("wrong", [0, -1, math.nan, math.inf, True, "5", None, 2.0])
def test_counts_are_whole_numbers_of_at_least_one(opened: Recognizer, wrong: Any) -> None:
    opened.enroll("c1", PICTURE, allow_duplicates=True)
    for ask in (METHODS["nearest, k"], METHODS["recognize, candidates"]):
        with pytest.raises(SettingsError, match="of at least 1, but got"):
            ask(opened, wrong)


def test_a_huge_count_gives_all_there_is(opened: Recognizer) -> None:
    opened.enroll("c1", PICTURE, allow_duplicates=True)

    assert opened.nearest(PICTURE, 2**80)
    assert opened.recognize(PICTURE, candidates=2**80).candidates


@pytest.mark.parametrize(
    "embeddings",
    [np.zeros((1, 16)), np.full((1, 16), math.nan), np.ones((1, 16)), np.ones(16), np.ones((1, 3))],
)
def test_embeddings_that_are_none_are_refused(opened: Recognizer, embeddings: Any) -> None:
    for ask in (opened.recognize_embeddings, opened.nearest_embeddings):
        with pytest.raises(SettingsError, match="expected embeddings"):
            ask(embeddings)


def test_a_client_that_reaches_nobody_raises_our_errors() -> None:
    with Client("http://127.0.0.1:9", timeout=1.0) as client:

        @given(WILD)
        @hypothesis_settings(max_examples=20)
        def ask(value: Any) -> None:
            for call in (
                client.recognize,
                lambda x: client.recognize(b"a", candidates=x),
                lambda x: client.nearest(b"a", x),
                lambda x: client.enroll(x, b"a"),
                lambda x: client.pin_threshold("a", x),
                client.class_named,
                client.set_target_fpir,
                client.job,
            ):
                with pytest.raises(OnelookError):
                    call(value)

        ask()
