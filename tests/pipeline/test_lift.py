"""The intervals of `lift` hold the truth as often as they say, over many draws of one world."""

import pytest

from madang.experiments.simulation import Coverage, simulate
from madang.init import init_project
from madang.settings.workspace import Settings, load_settings

DRAWS = 400


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("lift")
    init_project(folder, "lift")
    return load_settings(folder)


@pytest.fixture(scope="module")
def without_effect(settings: Settings) -> dict[str, Coverage]:
    found = simulate(settings, people=1500, draws=DRAWS, effect=False)
    return {one.metric: one for one in found}


@pytest.mark.parametrize("metric", ["conversion_rate", "value_per_person", "value_per_conversion"])
def test_a_lift_that_is_none_is_found_in_one_draw_of_twenty(
    without_effect: dict[str, Coverage], metric: str
) -> None:
    # 400 draws: 5 % plus or minus three standard errors, 3.3 percentage points
    one = without_effect[metric]
    assert (one.draws, one.truth) == (DRAWS, 0)
    assert 0.017 <= one.alarms <= 0.083
    for name in one.holds.keys() - {"anytime"}:
        assert 0.917 <= one.holds[name] <= 0.983, name
    assert one.holds["anytime"] >= 0.95
    assert one.widths["anytime"] > 1.2


def test_an_effect_that_is_real_is_within_the_interval_and_found(settings: Settings) -> None:
    found = simulate(settings, people=1500, draws=DRAWS)
    for one in found:
        assert one.truth > 0
        for name in one.holds.keys() - {"anytime"}:
            assert 0.917 <= one.holds[name] <= 0.983, (one.metric, name)
    assert found[0].alarms > 0.3, "power: a test that never finds a lift holds every interval"
