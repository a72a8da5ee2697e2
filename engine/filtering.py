"""Which classes a query is compared with: those whose attributes have certain values.

As text a filter is `kind=mug|cup`: the attribute's name and the values that it may have; several
such conditions must hold all. A JSON object says the same, `{"kind": ["mug", "cup"]}`, and is the
way to name values that hold a bar. Values are compared as they are written: `3` is 3 and "3",
`true` is true and "true". A class whose attribute is a list has each of its entries.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import FilterError

MOST_VALUES = 10_000


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions on the attributes of a class, all of which must hold; hashable.

    Attributes:
        conditions: by ascending name, an attribute and the written values that it may have.
    """

    conditions: tuple[tuple[str, frozenset[str]], ...]

    @classmethod
    def of(cls, where: Where) -> Filter:
        """A filter from values, or lists of values, by attribute; one that is one already stays.

        Raises:
            FilterError: it names no attribute, or an attribute without a value.
        """
        if isinstance(where, Filter):
            return where
        if not isinstance(where, Mapping) or not where:
            raise FilterError(
                "expected a filter as values by attribute, such as {'kind': ['mug', 'cup']}, "
                f"but got {where!r:.80}"
            )
        conditions = []
        for name, value in where.items():
            values = frozenset(written(value))
            if not isinstance(name, str) or not name or not 0 < len(values) <= MOST_VALUES:
                raise FilterError(
                    f"expected an attribute's name and 1 to {MOST_VALUES:,} values for it, "
                    f"but got {name!r:.80} and {value!r:.80}"
                )
            conditions.append((name, values))
        return cls(tuple(sorted(conditions)))

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Filter | None:
        """A filter from conditions as text; None where there is none.

        Raises:
            FilterError: one of them is no condition.
        """
        where: dict[str, list[Any]] = {}
        for text in texts:
            for name, value in _parsed(text).items():
                where.setdefault(name, []).extend(value if isinstance(value, list) else [value])
        return cls.of(where) if where else None

    def keeps(self, attributes: Mapping[str, Any]) -> bool:
        """Whether a class of those attributes is among those that are compared."""
        return all(
            name in attributes and not values.isdisjoint(written(attributes[name]))
            for name, values in self.conditions
        )

    def __str__(self) -> str:
        return ", ".join(f"{name}={'|'.join(sorted(values))}" for name, values in self.conditions)


Where = Mapping[str, Any] | Filter
"""A filter as people write it in Python: values, or lists of values, by attribute."""


def written(value: object) -> list[str]:
    """The values of an attribute, a list's one by one, as they are written."""
    if isinstance(value, list | tuple | set | frozenset):
        return [text for entry in value for text in written(entry)]
    if isinstance(value, str):
        return [value]
    if isinstance(value, float) and value.is_integer():
        return [str(int(value))]
    try:
        return [json.dumps(value, sort_keys=True)]
    except (TypeError, ValueError):
        raise FilterError(
            f"expected text, numbers, true, false or null in a filter, but got {value!r:.80}"
        ) from None


def _parsed(text: str) -> dict[str, Any]:
    if text.lstrip().startswith("{"):
        try:
            found = json.loads(text)
        except ValueError as error:
            raise FilterError(f"the filter {text!r:.80} is no JSON object: {error}") from None
        if isinstance(found, dict):
            return found
    name, equals, values = text.partition("=")
    if not equals or not name.strip() or not values:
        raise FilterError(
            f"expected a filter such as kind=mug|cup, or a JSON object, but got {text!r:.80}"
        )
    return {name.strip(): values.split("|")}
