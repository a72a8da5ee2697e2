"""A trained head's stored form."""

from datetime import UTC, datetime

import numpy as np
import pytest

from engine.decision.siamese import SiameseHead
from engine.decision.trained_head import TrainedHead
from engine.errors import CalibrationError


def trained_head() -> TrainedHead:
    return TrainedHead(
        siamese=SiameseHead(np.array([-1.5, 0.25], np.float32), 2.0),
        active=True,
        least_probability=0.875,
        method="labelled pictures",
        classes=12,
        generation=7,
        created_at=datetime(2026, 11, 24, tzinfo=UTC),
        judged={"real": True},
    )


def test_bytes_bring_everything_back():
    head, back = trained_head(), TrainedHead.from_bytes(trained_head().to_bytes())
    np.testing.assert_array_equal(back.siamese.weights, head.siamese.weights)
    assert back.siamese.bias == 2.0
    for name in ("active", "least_probability", "method", "classes", "generation", "created_at"):
        assert getattr(back, name) == getattr(head, name)
    assert back.judged == {"real": True}


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[5:], lambda b: b"{}" + b[2:]])
def test_damaged_bytes_are_refused(damage):
    with pytest.raises(CalibrationError, match="expected a"):
        TrainedHead.from_bytes(damage(trained_head().to_bytes()))
