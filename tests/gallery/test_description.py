"""What a gallery tells of itself, as a value and as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from engine.gallery import Gallery
from engine.types import KeepPictures, Reject
from tests.gallery.conftest import SPACE, example


def test_a_gallery_tells_what_it_holds(gallery: Gallery) -> None:
    examples = [example("cup", 1, picture=b"12345"), example("mug", 2)]
    gallery.enroll(examples, rejects=[Reject("x.png", "is blank")])
    gallery.classes.pin("cup", 0.5)

    told = gallery.describe()

    assert (told.classes, told.examples, told.pictures, told.picture_bytes) == (2, 2, 1, 5)
    assert (told.rejects, told.pinned_thresholds, told.siamese_head) == (1, 1, None)
    assert (told.backbone, told.space) == (SPACE.backbone, SPACE.id)
    assert (told.index.kind, told.index.size, told.index.dimension) == ("exact", 2, 8)
    assert told.local_features.without == 2
    assert told.keep_pictures is KeepPictures.BOUNDED
    assert told.created_at.tzinfo is not None
    assert abs((datetime.now(UTC) - told.created_at).total_seconds()) < 3600
    assert told.advice is None


def test_its_json_is_flat_where_it_always_was(gallery: Gallery) -> None:
    gallery.enroll([example("cup", 1)])

    told = json.loads(json.dumps(gallery.describe().to_json()))

    assert list(told) == [
        *("gallery", "classes", "examples", "pictures", "picture_bytes", "rejects", "generation"),
        *("backbone", "space", "projection", "searched_space", "index", "target_fpir"),
        *(
            "calibration",
            "outlook",
            "queries",
            "pinned_thresholds",
            "counterexamples",
            "texts",
            "siamese_head",
            "local_features",
        ),
        *("keep_pictures", "created_at", "read_only", "advice"),
    ]
    assert list(told["index"]) == ["engine", "because", "kind", "size", "dimension", "removed"]
    assert told["local_features"] == {"points": 0, "examples": 0, "without": 1}
    assert told["created_at"] == gallery.catalog.state().created_at.isoformat()
