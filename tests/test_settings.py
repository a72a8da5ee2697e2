"""Settings from the environment and from arguments."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import settings
from engine.errors import SettingsError
from engine.settings import Settings, cache_folder, load_settings
from engine.types import KeepPictures

ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.just([])
)


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.__dataclass_fields__:
        monkeypatch.delenv(f"ONELOOK_{name.upper()}", raising=False)
    monkeypatch.setattr(settings, "_told", set())


def test_every_setting_has_a_reader() -> None:
    assert list(settings._READERS) == list(Settings.__dataclass_fields__)
    assert load_settings() == Settings()


def test_the_environment_is_read_and_arguments_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONELOOK_THREADS", "3")
    monkeypatch.setenv("ONELOOK_KEEP_PICTURES", "none")
    monkeypatch.setenv("ONELOOK_POLL_SECONDS", "1.5")
    monkeypatch.setenv("ONELOOK_CACHE_DIR", "there")
    monkeypatch.setenv("ONELOOK_DEVICE", "cuda")

    read = load_settings(device="cpu", runtime=None)

    assert read == Settings(
        threads=3,
        keep_pictures=KeepPictures.NONE,
        poll_seconds=1.5,
        cache_dir=Path("there"),
        device="cpu",
    )


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("THREADS", "-1", "of at least 0"),
        ("BATCH_SIZE", "-1", "from 0 to 4096"),
        ("BATCH_SIZE", "many", "a whole number"),
        ("POLL_SECONDS", "inf", "a number of seconds"),
        ("POLL_SECONDS", "nan", "a number of seconds"),
        ("DEVICE", "tpu", "one of auto, cpu, cuda, mps"),
        ("KEEP_PICTURES", "all", "one of none, bounded, original"),
        ("BACKBONE", " ", "a name"),
    ],
)
def test_a_value_that_cant_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(f"ONELOOK_{name}", value)

    with pytest.raises(SettingsError, match=f"ONELOOK_{name}.*{expected}.*{value!r}"):
        load_settings()


@given(name=st.sampled_from(list(Settings.__dataclass_fields__)), value=ANYTHING)
def test_no_argument_gives_anything_but_a_setting_or_our_error(name: str, value: object) -> None:
    try:
        read = load_settings(**{name: value})
    except SettingsError:
        return
    number = getattr(read, name)
    assert not isinstance(number, float) or math.isfinite(number)


def test_a_variable_that_sets_nothing_is_named_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ONELOOK_BACKBON", "efficientnet-lite1")
    monkeypatch.setenv("ONELOOK_XYZZY", "1")
    monkeypatch.setenv("ONELOOK_GALLERY", "g")

    load_settings()
    load_settings()

    assert sorted(record.getMessage() for record in caplog.records) == [
        "the environment variable ONELOOK_BACKBON sets nothing; did you mean ONELOOK_BACKBONE?",
        "the environment variable ONELOOK_XYZZY sets nothing",
    ]


def test_without_a_home_the_folder_for_caches_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As in a container whose user the system doesn't know."""

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("ONELOOK_CACHE_DIR", raising=False)
    with pytest.raises(SettingsError, match="set ONELOOK_CACHE_DIR"):
        cache_folder()
    monkeypatch.setenv("ONELOOK_CACHE_DIR", str(tmp_path))
    assert cache_folder() == tmp_path
