"""Lost connections: no write is lost, none is done twice, and errors say which it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.catalog import Catalog
from engine.errors import UnavailableError
from engine.testing.catalog_samples import SPACE, enroll, new_example
from engine.types import KeepPictures
from tests.postgres.proxy import CUT_AFTER, CUT_BEFORE, CuttingProxy


@pytest.fixture
def catalog(proxied_url: str) -> Iterator[Catalog]:
    with Catalog.create(proxied_url, space=SPACE, keep_pictures=KeepPictures.NONE) as catalog:
        yield catalog


def test_idle_connections_that_were_cut_are_made_anew(
    catalog: Catalog, proxy: CuttingProxy
) -> None:
    enroll(catalog, new_example(1))
    proxy.drop_all()
    assert catalog.generation() == 1
    proxy.drop_all()
    enroll(catalog, new_example(2))
    assert catalog.counts().examples == 2


def test_a_commit_whose_answer_is_lost_counts_as_done(
    catalog: Catalog, proxy: CuttingProxy
) -> None:
    proxy.cut = CUT_AFTER
    enroll(catalog, new_example(1))
    assert proxy.cuts == 1
    assert catalog.generation() == 1
    assert catalog.counts().examples == 1


def test_a_commit_that_never_arrives_is_an_error_and_leaves_nothing(
    catalog: Catalog, proxy: CuttingProxy
) -> None:
    proxy.cut = CUT_BEFORE
    with pytest.raises(UnavailableError, match="try again"):
        enroll(catalog, new_example(1))
    assert proxy.cuts == 1
    assert catalog.counts().examples == 0
    enroll(catalog, new_example(1))
    assert catalog.counts().examples == 1


def test_a_connection_cut_within_a_write_leaves_nothing(
    catalog: Catalog, proxy: CuttingProxy
) -> None:
    def write_and_lose() -> None:
        with catalog.write() as transaction:
            transaction.examples.add_all([new_example(1)])
            proxy.drop_all()
            transaction.examples.add_all([new_example(2)])

    with pytest.raises(UnavailableError, match="lost"):
        write_and_lose()
    assert catalog.counts().examples == 0
    enroll(catalog, new_example(1))
    assert catalog.counts().examples == 1
