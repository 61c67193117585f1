"""What a run's folder says of its images is what its recipe says, for all sizes and resizings."""

import dataclasses

import hypothesis
import pytest
from hypothesis import strategies

from zoo.data.methods import METHODS
from zoo.recipe import Recipe
from zoo.weights import preprocessing_of
from zoo.weights.card import card_of_recipe


def found_in(folder, recipe: Recipe):
    (folder / "recipe.json").write_text(recipe.to_json())
    (folder / "classes.txt").write_text("a\nb\n")
    return preprocessing_of(str(folder), recipe.model)


@pytest.mark.parametrize("resizing", METHODS)
def test_resizing_of_a_run(tmp_path, resizing):
    recipe = Recipe(model="resnet18", image_size=64, eval_resize=80, eval_resizing=resizing)
    found = found_in(tmp_path, recipe)
    assert found.resizing == resizing
    assert (found.image_size, found.eval_resize) == (64, 80)
    assert (found.mean, found.std) == (recipe.mean, recipe.std)
    assert found.orientation == recipe.orientation == "exif"


@pytest.mark.parametrize("orientation", ["exif", "ignored"])
def test_orientation_of_a_run(tmp_path, orientation):
    found = found_in(tmp_path, Recipe(model="resnet18", orientation=orientation))
    assert found.orientation == orientation


def test_class_names_are_texts_all_of_them():
    fields = dataclasses.asdict(Recipe(model="resnet18"))
    with pytest.raises(ValueError, match="class_names"):
        card_of_recipe(fields, ("a", 1))


@hypothesis.given(strategies.integers(1, 512), strategies.integers(0, 512))
@hypothesis.example(192, 33)  # 225: as a share of the short side it was 224
@hypothesis.example(299, 101)
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_sizes_of_a_run(tmp_path, size, more):
    recipe = Recipe(model="resnet18", image_size=size, eval_resize=size + more)
    found = found_in(tmp_path, recipe)
    assert (found.image_size, found.eval_resize) == (size, size + more)
