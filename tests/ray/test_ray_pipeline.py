"""Enrolling over a real Ray cluster of two local nodes gives what enrolling here gives."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import ray
from ray._private import services
from ray.cluster_utils import Cluster

from engine.errors import ClusterError, ImageError, SpaceMismatchError
from engine.recognizer import Recognizer
from engine.testing.fake_backbone import FakeBackbone
from tests.bulk.store import running_store
from tests.cli.conftest import ENVIRONMENT
from tests.conftest import quarters
from tests.test_boxes import place, shelf

# Ray and the libraries it imports warn of their own affairs, and leave files to be closed at exit.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]
BATCH = 4
NODE = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": 100 * 2**20}


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    """A cluster of two nodes of one core each, with this process connected."""
    started = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    started.add_node(**NODE)
    # Ray would take this machine's own address for 127.0.0.1, which a sandbox may not reach.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "resolve_ip_for_localhost", lambda host: host)
        ray.init(
            address=started.address,
            _node_ip_address="127.0.0.1",
            log_to_driver=False,
            logging_level="ERROR",
        )
    yield started
    ray.shutdown()
    started.shutdown()


@pytest.fixture
def cluster(nodes: Cluster) -> str:
    """The cluster's address."""
    address: str = nodes.address
    return address


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty pictures, one of them twice in a class and once in another, and three bad files."""
    made = tmp_path / "catalog"
    for seed in range(40):
        path = made / f"thing {seed // 2}" / f"{seed}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        quarters(seed).save(path)
    first = (made / "thing 0" / "0.png").read_bytes()
    (made / "thing 0" / "again.png").write_bytes(first)
    (made / "thing 1" / "same.png").write_bytes(first)
    (made / "thing 3" / "cut.png").write_bytes(first[:60])
    (made / "thing 4" / "none.png").write_bytes(b"")
    (made / "thing 5" / "text.jpg").write_text("no picture")
    return made


def opened(path: Path, monkeypatch: pytest.MonkeyPatch) -> Recognizer:
    monkeypatch.setenv("ONELOOK_BATCH_SIZE", str(BATCH))
    return Recognizer.open(path, create=True, backbone=FakeBackbone())


def test_the_results_are_those_of_the_local_path(
    cluster: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        opened(tmp_path / "here", monkeypatch) as here,
        opened(tmp_path / "there", monkeypatch) as there,
    ):
        for changed in (False, True):
            if changed:  # the second time, one file is another picture, and one is gone
                quarters(77).save(folder / "thing 2" / "4.png")
                (folder / "thing 6" / "12.png").unlink()
            reports = []
            for recognizer, address in ((here, None), (there, cluster)):
                counted: list[int] = []
                report = recognizer.enroll_catalog(
                    folder, prune=True, ray=address, progress=counted.append
                )
                reports.append({**report.to_json(), "seconds": 0})
                assert sum(counted) == 45 - changed
            assert reports[0] == reports[1]
            assert reports[0]["rejected"] == 4
            assert reports[0]["added"] == (0 if changed else 40)
            assert reports[0]["replaced"] == changed
        held = []
        for recognizer in (here, there):
            catalog = recognizer.gallery.catalog
            space = catalog.state().space.id
            with catalog.read() as reader:
                [batch] = reader.embeddings.stream(space)
            records = [
                (e.id, e.label, e.source, e.content_hash)
                for e in catalog.ask(lambda read: read.examples.listed())
            ]
            held.append(
                (
                    records,
                    [catalog.picture(r[0]) for r in records],
                    batch.vectors,
                )
            )
        assert held[0][:2] == held[1][:2]
        np.testing.assert_allclose(held[0][2], held[1][2], atol=1e-5)
        assert here.gallery.catalog.ask(lambda read: read.rejects()) == there.gallery.catalog.ask(
            lambda read: read.rejects()
        )


def test_parts_of_pictures_are_cut_on_the_cluster(
    cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf(1, 2, 3).save(tmp_path / "shelf.png")
    rows = [f"shelf.png,thing {n},{','.join(map(str, place(n)))}" for n in range(3)]
    table = tmp_path / "list.csv"
    table.write_text("\n".join(["path,label,x0,y0,x1,y1", *rows, "shelf.png,off,900,0,950,50"]))
    with opened(tmp_path / "g", monkeypatch) as recognizer:
        first = recognizer.enroll_catalog(table, ray=cluster)
        again = recognizer.enroll_catalog(table, ray=cluster, prune=True)
        assert (first.added, first.rejected, again.unchanged, again.pruned) == (3, 1, 3, 0)
        assert "within its 160 × 72 pixels" in first.rejects[0].reason
        for number in range(3):
            [near] = recognizer.nearest(quarters(number + 1), 1)
            assert near.label == f"thing {number}"
            assert near.similarity == pytest.approx(1, abs=1e-5)


def test_pictures_come_from_an_object_store(
    cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_store() as store, opened(tmp_path / "g", monkeypatch) as recognizer:
        for seed in range(6):
            encoded = io.BytesIO()
            quarters(seed).save(encoded, "PNG")
            store.put(f"catalog/thing {seed}.png", encoded.getvalue())
        store.put("catalog/text.jpg", b"no picture")
        for unchanged in (0, 6):
            report = recognizer.enroll_catalog(store.url("catalog"), ray=cluster, ray_actors=1)
            assert (report.added, report.unchanged, report.rejected) == (
                6 - unchanged,
                unchanged,
                1,
            )
        assert report.rejects[0].source == "s3://shop/catalog/text.jpg"
        assert recognizer.nearest(quarters(3), 1)[0].label == "thing 3"


class SlowPicture(io.BytesIO):
    """A picture that takes its time to be read."""

    def __reduce__(self) -> tuple[type[SlowPicture], tuple[bytes]]:
        return SlowPicture, (self.getvalue(),)

    def read(self, size: int | None = -1) -> bytes:
        time.sleep(0.05)
        return super().read(size)


def slow_picture(seed: int) -> SlowPicture:
    encoded = io.BytesIO()
    quarters(seed).save(encoded, "PNG")
    return SlowPicture(encoded.getvalue())


def embedding_actors(parent: psutil.Process) -> list[psutil.Process]:
    """The actors among what a process has started."""
    started = parent.children(recursive=True)
    return [each for each in started if "EmbeddingActor" in " ".join(each.cmdline())]


def test_a_worker_killed_midway_costs_only_time(
    cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []

    def kill_one(_done: int) -> None:
        if not killed and (working := embedding_actors(psutil.Process())):
            os.kill(working[0].pid, signal.SIGKILL)
            killed.append(working[0].pid)

    with opened(tmp_path / "g", monkeypatch) as recognizer:
        pictures = [(f"thing {seed}", slow_picture(seed)) for seed in range(60)]
        report = recognizer.enroll_catalog(pictures, ray=cluster, progress=kill_one)
        assert len(killed) == 1
        assert (report.added, report.rejected) == (60, 0)
        assert recognizer.gallery.catalog.counts().examples == 60
        assert recognizer.gallery.check() == []


@ray.remote(num_cpus=1)
class Guest:
    """Somebody else's, who takes a core."""

    def is_there(self) -> bool:
        return True


def test_a_node_killed_midway_costs_only_time(
    nodes: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The only one with a core to spare; when it dies, one is to be had elsewhere."""
    guests = [Guest.remote() for _ in range(2)]
    assert ray.get([guest.is_there.remote() for guest in guests]) == [True, True]
    spare = nodes.add_node(**NODE)
    raylet = psutil.Process(spare.all_processes["raylet"][0].process.pid)
    worked_there: list[int] = []

    def kill_the_node(_done: int) -> None:
        if not worked_there:
            worked_there.append(len(embedding_actors(raylet)))
            nodes.remove_node(spare, allow_graceful=False)
            for guest in guests:
                ray.kill(guest)

    with opened(tmp_path / "g", monkeypatch) as recognizer:
        pictures = [(f"thing {seed}", slow_picture(seed)) for seed in range(60)]
        report = recognizer.enroll_catalog(pictures, ray=nodes.address, progress=kill_the_node)
        assert worked_there == [1]
        assert (report.added, report.rejected) == (60, 0)
        assert recognizer.gallery.catalog.counts().examples == 60
        assert recognizer.gallery.check() == []


def test_an_interrupted_run_keeps_what_was_written_and_goes_on(
    cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_done: int) -> None:
        raise KeyboardInterrupt

    with opened(tmp_path / "g", monkeypatch) as recognizer:
        pictures = tmp_path / "catalog"
        pictures.mkdir()
        for seed in range(12):
            quarters(seed).save(pictures / f"thing {seed}.png")
        with pytest.raises(KeyboardInterrupt):
            recognizer.enroll_catalog(pictures, ray=cluster, progress=interrupt)
        kept = recognizer.gallery.catalog.counts().examples
        assert kept == BATCH
        again = recognizer.enroll_catalog(pictures, ray=cluster)
        assert (again.added, again.unchanged, again.rejected) == (12 - kept, kept, 0)


def test_a_bad_picture_stops_it_if_asked(
    cluster: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "thing 1" / "same.png").unlink()  # which would be refused before
    with (
        opened(tmp_path / "g", monkeypatch) as recognizer,
        pytest.raises(ImageError, match=r"cut\.png"),
    ):
        recognizer.enroll_catalog(folder, ray=cluster, stop_on_error=True)


def test_a_node_with_another_backbone_is_refused(
    cluster: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the gallery's `fake` were another network there."""
    other = FakeBackbone(variant=1)
    other.name = "fake"
    monkeypatch.setenv("ONELOOK_BATCH_SIZE", str(BATCH))
    with (
        Recognizer.open(tmp_path / "g", create=True, backbone=other) as recognizer,
        pytest.raises((SpaceMismatchError, ClusterError), match="gallery is of space"),
    ):
        recognizer.enroll_catalog(folder, ray=cluster)


def test_an_empty_source_is_no_failure(
    cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path / "g", monkeypatch) as recognizer:
        assert recognizer.enroll_catalog([], ray=cluster).added == 0


def test_the_command_enrolls_over_a_cluster_of_its_own(folder: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli", "enroll", folder, "-g", "g", "--ray", "local"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "40 added" in done.stdout
    assert "20 classes, 40 examples" in done.stdout


def test_nothing_of_ray_is_imported_unless_asked_for() -> None:
    code = "import sys, engine.recognizer, engine.bulk.ray_pipeline; print('ray' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
