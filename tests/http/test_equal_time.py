"""A 404 waits for the next grain of time, of hidden and absent patients alike. How equal it makes them: ``bench.hidden``."""

import pytest
from bench.hidden import distance, likelihood
from tests.factories import Region, consent, register, report

from renkei.access import audit, refusals
from renkei.ids import new_id

WAYS = (
    ("GET", "", None),
    ("GET", "/summary", None),
    ("GET", "/access", None),
    ("POST", "/care-reports", report()),
    ("POST", "/consents", consent()),
)


async def test_every_refusal_as_absent_waits_and_nothing_else_does(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic, stranger = await region.found(), await region.found()
    hidden = await register(clinic)
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(audit, "sleep", sleep)
    monkeypatch.setattr(refusals, "GRAIN_SECONDS", 0.02)
    for method, end, body in WAYS:
        for patient in (hidden, str(new_id()), "no-id"):
            answer = await stranger.call(method, f"/v1/patients/{patient}{end}", **({"json": body} if body else {}))
            assert answer.status_code == 404
    assert len(waited) == 3 * len(WAYS)
    assert max(waited) > 0.001
    assert all(0 < seconds <= 0.02 for seconds in waited)
    assert (await clinic.get(f"/v1/patients/{hidden}/summary")).status_code == 200
    assert (await clinic.post(f"/v1/patients/{hidden}/consents", consent(), by="home_helper")).status_code == 403
    assert (await clinic.get(f"/v1/patients/{hidden}/summary?x=1")).status_code == 422
    assert len(waited) == 3 * len(WAYS)


@pytest.mark.parametrize(
    ("elapsed", "left"), [(0.0, 0.02), (0.001, 0.019), (0.019, 0.001), (0.02, 0.02), (0.05, 0.01), (1.003, 0.017)]
)
def test_the_wait_ends_at_a_multiple_of_the_grain(monkeypatch: pytest.MonkeyPatch, elapsed: float, left: float) -> None:
    monkeypatch.setattr(refusals, "GRAIN_SECONDS", 0.02)
    assert refusals.until_next_grain(elapsed) == pytest.approx(left)


@pytest.mark.parametrize(
    ("one", "other", "farthest"),
    [([1, 2, 3], [1, 2, 3], 0), ([1, 2], [3, 4], 1), ([1, 2, 3, 4], [3, 4, 5, 6], 0.5), ([1, 1, 2], [1, 2, 2], 1 / 3)],
)
def test_the_distance_of_two_samples(one: list[float], other: list[float], farthest: float) -> None:
    assert distance(one, other) == distance(other, one) == pytest.approx(farthest)


@pytest.mark.parametrize(("scaled", "p"), [(0.1, 1.0), (0.5, 0.9639), (1.0, 0.2700), (1.3581, 0.05), (1.6276, 0.01)])
def test_the_likelihood_is_kolmogorovs(scaled: float, p: float) -> None:
    """Against the printed table of the distribution, for samples so large that the correction vanishes."""
    many = 10**8
    assert likelihood(scaled / (many / 2) ** 0.5, many, many) == pytest.approx(p, abs=2e-4)
