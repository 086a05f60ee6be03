"""Made-up codes of a given shape: any number of them, all different, each found without the others."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from string import ascii_uppercase, digits

from pipeline.errors import UsageError

#: Neighbours in a list should not look like neighbours: codes are taken at this distance, beginning here.
_STEP, _START = 7919, 12345
_PLACE = re.compile(r"\[([^]]+)]|(.)")
_RANGE = re.compile(r"(.)-(.)")
_SETS = {"#": digits, "@": ascii_uppercase}


class Template:
    """A shape of codes: `#` a digit, `@` a letter, `[0135A-F]` one of these, anything else itself."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._places = [_characters(*match.groups()) for match in _PLACE.finditer(text)]
        self.capacity = 1
        for characters in self._places:
            self.capacity *= len(characters)
        self._pattern = re.compile("".join(f"[{re.escape(characters)}]" for characters in self._places))

    def code(self, index: int) -> str:
        """The index-th code, of `capacity` many."""
        number = (index * _STEP + _START) % self.capacity
        found = []
        for characters in reversed(self._places):
            number, at = divmod(number, len(characters))
            found.append(characters[at])
        return "".join(reversed(found))

    def fits(self, code: str) -> bool:
        """Whether `code` has this shape."""
        return self._pattern.fullmatch(code) is not None


class Codes:
    """Codes of several templates in turn, each as often as its parts say; none of `taken`."""

    def __init__(self, templates: Sequence[tuple[Template, int]], taken: Collection[str]) -> None:
        self._turns = _turns(templates)
        self._parts = dict(templates)
        self._taken = {template: [code for code in taken if template.fits(code)] for template in self._parts}

    def at(self, index: int) -> str:
        """The index-th code; `UsageError` where a template has no more."""
        row, turn = divmod(index, len(self._turns))
        template, place = self._turns[turn]
        nth, taken = row * self._parts[template] + place, self._taken[template]
        if nth >= template.capacity - len(taken):
            raise UsageError(f"made-up codes like {template.text} run out after {template.capacity:,}: ask for fewer names")
        code = template.code(nth)
        while code in taken:  # the last codes are kept for this
            code = template.code(template.capacity - 1 - taken.index(code))
        return code

    def template(self, code: str) -> str:
        """The text of the template that `code` fits."""
        return next(template.text for template in self._parts if template.fits(code))


def _turns(templates: Sequence[tuple[Template, int]]) -> list[tuple[Template, int]]:
    """Each template as often as its parts, with its place among them; every kind comes early."""
    rounds = range(max(parts for _, parts in templates))
    return [(template, place) for place in rounds for template, parts in templates if place < parts]


def _characters(inside: str | None, single: str | None) -> str:
    """The characters of one place."""
    if inside is None:
        return _SETS.get(single or "", single or "")
    return _RANGE.sub(lambda ends: "".join(map(chr, range(ord(ends[1]), ord(ends[2]) + 1))), inside)
