from __future__ import annotations

from sampan.evaluation.overlap import PIECE, Fingerprint

TEXT = "The lighthouse had been automatic for thirty years, but somebody still had to climb the stairs."


def test_a_shared_piece_is_found_wherever_it_stands():
    plain = "".join(TEXT.split())
    seen = Fingerprint([f"xx{plain[10 : 10 + PIECE]}yy"])
    assert seen.overlaps(TEXT)
    assert seen.overlaps(TEXT.upper())
    assert not Fingerprint([f"xx{plain[10 : 9 + PIECE]}yy"]).overlaps(TEXT)  # one character short


def test_short_texts_are_compared_as_lines():
    seen = Fingerprint(["first\n17 + 25 = ?\nlast"])
    assert seen.overlaps("17+25=?")
    assert not seen.overlaps("17+25")


def test_nothing_overlaps_with_nothing():
    assert not Fingerprint([]).overlaps(TEXT)
    assert not Fingerprint([TEXT]).overlaps("")
