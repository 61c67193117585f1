"""What a run's folder says of its images is what its recipe says."""

import pytest

from zoo.recipe import Recipe
from zoo.weights import preprocessing_of


@pytest.mark.parametrize("resizing", ["bilinear", "bicubic", "area"])
def test_resizing_and_sizes_of_a_run(tmp_path, resizing):
    recipe = Recipe(model="resnet18", image_size=64, eval_resize=80, eval_resizing=resizing)
    (tmp_path / "recipe.json").write_text(recipe.to_json())
    found = preprocessing_of(str(tmp_path), "resnet18")
    assert found.interpolation == resizing
    assert (found.input_size, found.resize_size) == (64, 80)
    assert (found.mean, found.std) == (recipe.mean, recipe.std)


def test_a_resizing_that_pillow_lacks(tmp_path):
    recipe = Recipe(model="resnet18", eval_resizing="bilinear_aliased")
    (tmp_path / "recipe.json").write_text(recipe.to_json())
    with pytest.raises(ValueError, match="got interpolation='bilinear_aliased'; expected one of"):
        preprocessing_of(str(tmp_path), "resnet18")
