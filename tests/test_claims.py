"""Claims are complete; a check holds exactly when it should and says everything on its card."""

import math
import re
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import claims

IDS = [f"S{i}" for i in range(1, 12)] + [f"A{i}" for i in range(1, 13)]
IDS += [f"U{i}" for i in range(1, 12)]
SOUND = dict(
    claim_id="U5",
    what="the gain of the sign readoff at four inputs",
    measured=0.25,
    expected=0.25,
    tolerance=0.01,
    reason="four and a half standard errors",
    error=0.002,
    n=1000,
    seed=7,
)
NUMBERS = st.floats(-1e6, 1e6)


def check(**changed):
    claims.check(**SOUND | changed)


def test_the_34_claims_are_listed_in_order():
    assert list(claims.CLAIMS) == IDS and len(IDS) == 34


@pytest.mark.parametrize("claim", claims.CLAIMS.values(), ids=lambda claim: claim.id)
def test_claim_is_complete(claim):
    assert len(claim.statement.split()) >= 6 and claim.source
    assert re.fullmatch(r"book/(simplicity|attention|uand)/[a-z-]+", claim.chapter)
    assert bool(claim.finding) == (claim.verdict is not None)


def test_claims_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        claims.CLAIMS["U5"].verdict = "confirmed"
    with pytest.raises(TypeError):
        claims.CLAIMS["U12"] = claims.CLAIMS["U5"]


@pytest.mark.parametrize(
    ("changed", "argument"),
    [
        ({"verdict": "proved", "finding": "It holds."}, "verdict"),
        ({"verdict": "refuted", "finding": ""}, "finding"),
        ({"verdict": None, "finding": "It holds."}, "finding"),
    ],
)
def test_claim_refuses_a_verdict_without_finding(changed, argument):
    with pytest.raises(ValueError, match=f"^{argument}: got .*, expected "):
        replace(claims.CLAIMS["U5"], **changed)


# --------------------------------------------------------------------------------------- checks


def test_card_says_everything(shown):
    check()
    [(data, metadata)] = shown
    card = metadata["claim"]
    assert card["id"] == "U5" and card["kind"] == "sampled" and card["relation"] == "within"
    assert {key: card[key] for key in SOUND if key != "claim_id"} == {
        key: value for key, value in SOUND.items() if key != "claim_id"
    }
    text = data["text/plain"]
    for part in (
        "U5",
        SOUND["what"],
        SOUND["reason"],
        "0.25 ± 0.002",
        "0.01",
        "n = 1000",
        "seed = 7",
    ):
        assert part in text


def test_check_without_seed_is_exact(shown):
    check(seed=None, error=None, n=None)
    [(data, metadata)] = shown
    assert metadata["claim"]["kind"] == "exact"
    assert "exact" in data["text/plain"] and "seed" not in data["text/plain"]


def test_card_prints_at_most_four_significant_digits(shown):
    check(measured=0.25123456789, expected=0.25123456)
    numbers = re.findall(r"\d+\.\d+", shown[0][0]["text/plain"])
    assert numbers and all(len(number.replace("0.", "")) <= 4 for number in numbers)


@pytest.mark.parametrize(
    ("relation", "measured", "holds"),
    [
        ("within", 1.0, True),
        ("within", 1.25, True),
        ("within", 0.75, True),
        ("within", 1.26, False),
        ("within", 0.74, False),
        ("below", -9.0, True),
        ("below", 1.25, True),
        ("below", 1.26, False),
        ("above", 9.0, True),
        ("above", 0.75, True),
        ("above", 0.74, False),
    ],
)
def test_each_relation(shown, relation, measured, holds):
    numbers = dict(relation=relation, measured=measured, expected=1.0, tolerance=0.25)
    if holds:
        check(**numbers)
    else:
        with pytest.raises(AssertionError, match="U5"):
            check(**numbers)
    assert len(shown) == holds


@given(measured=NUMBERS, expected=NUMBERS, tolerance=st.floats(0, 1e6))
def test_relations_agree_with_each_other(shown, measured, expected, tolerance):
    def holds(relation):
        try:
            check(measured=measured, expected=expected, tolerance=tolerance, relation=relation)
        except AssertionError:
            return False
        return True

    assert holds("within") == (holds("below") and holds("above"))
    assert holds("within") == (abs(measured - expected) <= tolerance)


@pytest.mark.parametrize("measured", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("relation", claims.RELATIONS)
def test_check_refuses_a_measurement_that_is_not_finite(shown, measured, relation):
    with pytest.raises(AssertionError):
        check(measured=measured, relation=relation)
    assert shown == []


@pytest.mark.parametrize("measured", [np.float64(0.25), np.float32(0.25), np.array(0.25)])
def test_numpy_numbers_become_plain_ones(shown, unchecked, measured):
    check(measured=measured)
    assert type(shown[0][1]["claim"]["measured"]) is float


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("claim_id", "U12"),
        ("claim_id", "u5"),
        ("claim_id", 5),
        ("claim_id", None),
        ("what", ""),
        ("what", "  "),
        ("what", 3),
        ("what", "the claim's check"),
        ("reason", ""),
        ("reason", None),
        ("relation", "near"),
        ("relation", None),
        ("measured", "0.25"),
        ("measured", None),
        ("measured", [0.25, 0.5]),
        ("measured", True),
        ("expected", math.nan),
        ("expected", math.inf),
        ("expected", "0.25"),
        ("tolerance", -0.01),
        ("tolerance", math.nan),
        ("tolerance", math.inf),
        ("tolerance", None),
        ("error", -1.0),
        ("error", math.nan),
        ("error", "0.1"),
        ("n", 0),
        ("n", -5),
        ("n", 2.5),
        ("n", True),
        ("n", "1000"),
        ("seed", -1),
        ("seed", 1.5),
        ("seed", False),
    ],
    ids=str,
)
def test_check_refuses_bad_arguments_by_name(shown, unchecked, argument, value):
    with pytest.raises(ValueError, match=rf"(?s)^{argument}: got .*, expected "):
        check(**{argument: value})
    assert shown == []


@given(seed=st.integers(0, 2**32))
def test_sampled_check_refuses_to_hide_its_uncertainty(unchecked, seed):
    with pytest.raises(ValueError, match="^seed: got .*, expected "):
        check(seed=seed, error=None, n=None)


# Means of replicates and grids of scores


def test_check_mean_uses_the_replicates_own_error(shown):
    values = np.array([0.9, 1.1, 1.0, 1.2, 0.9])
    claims.check_mean("U5", "five layers", values, expected=1, seed=3)
    record = shown[-1][1]["claim"]
    assert record["measured"] == pytest.approx(values.mean())
    assert record["error"] == pytest.approx(values.std(ddof=1) / 5**0.5)
    assert 25 < record["tolerance"] / record["error"] < 35  # t with 4 degrees of freedom
    with pytest.raises(AssertionError, match="does not hold"):
        claims.check_mean("U5", "five layers", values + 2, expected=1, seed=3)
    with pytest.raises(AssertionError, match="does not hold"):
        claims.check_mean("U5", "five layers", values, expected=1.03, seed=3, relation="above")


def test_check_mean_alarms_falsely_as_rarely_as_it_says(shown):
    """2,000 tries of four replicates each: none should alarm, at 7 in a million."""
    for values in np.random.default_rng(0).standard_normal((2000, 4)):
        claims.check_mean("U5", "nothing", values, expected=0, seed=0)


@pytest.mark.parametrize("z", [[4.6], [0, -5.6, 0], np.full(40, 2.0)])
def test_check_grid_refuses_a_large_score_or_many_middling_ones(shown, z):
    with pytest.raises(AssertionError, match="does not hold"):
        claims.check_grid("U5", "scores", np.array(z, float), n=9, seed=0)


def test_check_grid_passes_chance(shown):
    claims.check_grid("U5", "scores", np.random.default_rng(1).standard_normal(60), n=9, seed=1)
    assert [meta["claim"]["what"].split(": ")[1] for _, meta in shown] == [
        "largest |z|",
        "chi-square",
    ]


@pytest.mark.parametrize("bad", [[], [1.0, math.nan], "scores", [[1.0]]])
def test_means_and_grids_refuse_bad_values_by_name(shown, unchecked, bad):
    with pytest.raises(ValueError, match="^values: got .*, expected "):
        claims.check_mean("U5", "scores", bad, expected=0, seed=0)
    with pytest.raises(ValueError, match="^z: got .*, expected "):
        claims.check_grid("U5", "scores", bad, n=1, seed=0)
