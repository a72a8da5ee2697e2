"""Old databases are upgraded, newer ones refused, and models and migrations agree."""

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from engine.catalog import Catalog, migrate
from engine.catalog.models import Base
from engine.errors import GalleryVersionError
from engine.testing.catalog_samples import SPACE, contents, enroll, new_example
from engine.types import ClassStatistics, KeepPictures, Reject, StoredLocalFeatures

ASSETS = Path(__file__).parents[1] / "assets" / "galleries"

NEXT = f"{int(migrate.HEAD) + 1:04}"
NEXT_REVISION = f"""
import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{migrate.HEAD}"


def upgrade() -> None:
    with op.batch_alter_table("class") as table:
        table.add_column(sa.Column("shelf", sa.Text(), nullable=False, server_default="top"))
        table.create_check_constraint("shelf_named", "shelf <> ''")
"""


def restored(revision: str, location: Path) -> Path:
    """The asset of that revision as a database file."""
    script = (ASSETS / f"rev-{revision}.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(location)) as connection:
        connection.executescript(script)
    return location


def schema(location: Path) -> dict[str, str]:
    """Every table's and index's definition, by name."""
    with closing(sqlite3.connect(location)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return dict(rows.fetchall())


@pytest.fixture
def location(tmp_path: Path) -> Path:
    return tmp_path / "catalog.sqlite"


@pytest.fixture
def next_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make this code know one more revision; the script's file may be written anew."""
    scripts = tmp_path / "migrations"
    shutil.copytree(migrate.script_location(), scripts)
    script = scripts / "versions" / f"{NEXT}_next.py"
    script.write_text(NEXT_REVISION)
    monkeypatch.setattr(migrate, "script_location", lambda: scripts)
    monkeypatch.setattr(migrate, "REVISIONS", (*migrate.REVISIONS, NEXT))
    monkeypatch.setattr(migrate, "HEAD", NEXT)
    return script


def test_models_and_migrations_agree(location: Path) -> None:
    Catalog.create(location, space=SPACE, keep_pictures=KeepPictures.NONE).close()
    engine = create_engine(f"sqlite:///{location}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_the_code_knows_exactly_the_revisions_that_have_scripts() -> None:
    scripts = ScriptDirectory(str(migrate.script_location()))
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == migrate.REVISIONS
    assert scripts.get_heads() == [migrate.HEAD]


@pytest.mark.parametrize("revision", migrate.REVISIONS)
def test_every_revision_has_an_asset_to_upgrade(revision: str) -> None:
    assert (ASSETS / f"rev-{revision}.sql").is_file()


def test_the_newest_asset_has_the_schema_of_a_fresh_catalog(tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.sqlite"
    Catalog.create(fresh, space=SPACE, keep_pictures=KeepPictures.NONE).close()
    assert schema(restored(migrate.HEAD, tmp_path / "asset.sqlite")) == schema(fresh)


@pytest.mark.parametrize("revision", migrate.REVISIONS)
def test_a_gallery_of_every_revision_is_opened_read_and_written(
    location: Path, revision: str
) -> None:
    """The expected values are those in `tests/assets/galleries/make.py`."""
    with Catalog.open(restored(revision, location)) as catalog:
        assert catalog.integrity_problems() == []
        state = catalog.state()
        assert (state.space, state.target_fpir) == (SPACE, 0.01)
        assert (state.generation, state.projection_id) == (2, "c" * 16)
        assert catalog.ask(lambda read: read.whole.projection("c" * 16)) == b"payload"
        assert catalog.ask(lambda read: read.whole.calibration(SPACE.id)) == b"calibration"
        assert catalog.ask(lambda read: read.classes.labels()) == {
            1: "tea cup",
            2: "café",
            3: "mug",
            4: "狐",
        }
        pinned = {2: 0.625} if revision >= "0007" else {}  # before, on the former scale
        assert catalog.ask(lambda read: read.classes.pins(searched_space=SPACE.id)) == pinned
        assert catalog.ask(lambda read: read.whole.pins_of_former_scale()) == 1 - len(pinned)
        assert catalog.ask(lambda read: read.classes.by_id(2)).pinned_threshold == pinned.get(2)
        assert catalog.ask(lambda read: read.learned.statistics(SPACE.id)) == {
            4: ClassStatistics(0.25, 0.125, 7)
        }
        assert catalog.ask(lambda read: read.rejects()) == [Reject("broken.png", "is truncated")]
        assert catalog.ask(lambda read: read.classes.by_label("café")).attributes == {"number": 1}
        assert [
            (e.id, e.source, e.warnings) for e in catalog.ask(lambda read: read.examples.listed())
        ] == [
            (1, "cup.png", ()),
            (2, "odd \udcff name.png", ("is blurred",)),
            (4, "fox.png", ()),
            *([(5, "<text>", ())] if revision >= "0010" else []),
        ]
        with catalog.whole() as whole:
            texts = whole.texts(SPACE)
        with_texts = revision >= "0010"
        assert (texts.ids.tolist(), texts.class_ids.tolist(), texts.texts) == (
            ([5], [4], ("a red fox",)) if with_texts else ([], [], ())
        )
        np.testing.assert_array_equal(texts.vectors, np.eye(4)[[3] if with_texts else []])
        np.testing.assert_array_equal(texts.words, np.eye(4)[[0, 1] if with_texts else []])
        assert [
            e.id for e in catalog.stream(lambda read: read.examples.stream(origin="catalog/"))
        ] == [2, 4]
        assert catalog.picture(1) == bytes(range(256))
        np.testing.assert_array_equal(
            catalog.ask(lambda read: read.embeddings.of(SPACE.id, [1, 2, 4])).vectors,
            np.eye(4, dtype=np.float32)[[0, 1, 3]],
        )
        with_local = revision >= "0006"
        assert state.local_points == (500 if with_local else 0)
        assert dict(catalog.stream(lambda read: read.whole.local_features())) == (
            {1: StoredLocalFeatures("points", bytes(range(40)))} if with_local else {}
        )
        sums = b"sums" if revision >= "0009" else None
        assert catalog.service.query_sums.read(SPACE.id) == sums
        contrary = catalog.ask(lambda read: read.counterexamples.listed())
        assert [(each.label, each.source, each.has_picture) for each in contrary] == (
            [("café", "not.png", True)] if revision >= "0008" else []
        )
        changes = catalog.ask(lambda read: read.log.since(0))
        assert changes is not None
        with_head = revision >= "0003"
        assert (
            len(changes)
            == 13 + with_head + (revision >= "0005") + (revision >= "0008") + 2 * with_texts
        )
        with catalog.read() as reader:
            assert reader.whole.siamese_head(SPACE.id) == (b"head" if with_head else None)
        files = catalog.service.job_files.listed(1)
        assert [(file.name, file.size) for file in files] == (
            [("mug.png", 256)] if revision >= "0004" else []
        )
        assert [
            (token.name, token.expires_at, token.last_used_at)
            for token in catalog.service.tokens.all()
        ] == (
            [("till", datetime(2100, 1, 1, tzinfo=UTC), datetime(2026, 11, 27, tzinfo=UTC))]
            if revision >= "0007"
            else []
        )

        assert enroll(catalog, new_example(7, "new")) == [
            5 + with_texts
        ]  # one more than the last id ever given
        assert catalog.generation() == 3
        assert catalog.integrity_problems() == []


def test_an_upgrade_keeps_everything_and_a_backup_of_before(
    location: Path, next_revision: Path
) -> None:
    restored("0001", location)
    with Catalog.open(location) as catalog:
        assert catalog.ask(lambda read: read.classes.labels()) == {
            1: "tea cup",
            2: "café",
            3: "mug",
            4: "狐",
        }
        # The class table was made anew; what refers to it must have stayed.
        assert [example.id for example in catalog.ask(lambda read: read.examples.listed())] == [
            1,
            2,
            4,
        ]
        assert catalog.ask(lambda read: read.embeddings.of(SPACE.id, [1, 2, 4])).ids.tolist() == [
            1,
            2,
            4,
        ]
        assert catalog.integrity_problems() == []
        with catalog.write() as transaction:
            transaction.classes.remove(1)  # foreign keys are in force again
        assert catalog.ask(lambda read: read.embeddings.of(SPACE.id, [1, 2, 4])).ids.tolist() == [
            2,
            4,
        ]
    assert "shelf" in schema(location)["class"]
    backup = migrate.backup_path(location, "0001")
    assert "shelf" not in schema(backup)["class"]
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("SELECT count(*) FROM example").fetchone() == (3,)


def test_a_catalog_is_upgraded_once_by_whoever_comes_first(
    location: Path, next_revision: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored("0001", location)
    upgrades = []
    upgrade = migrate.upgrade

    def counted(connection: object) -> None:
        upgrades.append(connection)
        upgrade(connection)  # type: ignore[arg-type]

    monkeypatch.setattr(migrate, "upgrade", counted)

    def open_and_read(_: int) -> dict[str, set[str]]:
        with Catalog.open(location) as catalog:
            return contents(catalog)

    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(open_and_read, range(4))
    assert all(other == first for other in others)
    assert len(upgrades) == 1


def test_an_upgrade_that_fails_leaves_the_catalog_as_it_was(
    location: Path, next_revision: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored("0001", location)
    before = schema(location)
    next_revision.write_text(NEXT_REVISION + "    raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        Catalog.open(location)
    assert schema(location) == before
    next_revision.write_text(NEXT_REVISION)
    with Catalog.open(location) as catalog:
        assert len(catalog.ask(lambda read: read.examples.listed())) == 3


def test_a_newer_schema_is_refused_and_left_alone(location: Path) -> None:
    restored("0001", location)
    with closing(sqlite3.connect(location)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    before = location.read_bytes()
    with pytest.raises(GalleryVersionError, match="revision 0999, which is newer"):
        Catalog.open(location)
    assert location.read_bytes() == before


def test_an_installed_package_brings_its_migrations_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "engine"
    package.mkdir()
    monkeypatch.setattr(migrate, "__file__", str(package / "catalog" / "migrate.py"))
    assert migrate.script_location() == tmp_path / "migrations"
    (package / "_migrations").mkdir()
    assert migrate.script_location() == package / "_migrations"


def test_migrating_is_quiet(location: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Catalog.create(location, space=SPACE, keep_pictures=KeepPictures.NONE).close()
    assert capfd.readouterr() == ("", "")
