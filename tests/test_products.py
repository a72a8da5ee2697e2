"""Inner products, of one row and of several."""

import numpy as np

from engine.products import products
from engine.testing.vectors import unit_rows


def test_one_row_and_several_have_the_same_products() -> None:
    rows, others = unit_rows(3, 40), unit_rows(7, 40, seed=1)
    expected = np.einsum("id,jd->ij", rows.astype(np.float64), others.astype(np.float64))
    np.testing.assert_allclose(products(rows, others), expected, atol=1e-6)
    np.testing.assert_allclose(products(rows[:1], others), expected[:1], atol=1e-6)
    assert products(rows[:0], others).shape == (0, 7)
