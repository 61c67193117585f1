"""Parts from outside of the zoo: what is an address, what is imported, what is not."""

import pytest

from zoo.address import is_address, load, require_trust


@pytest.mark.parametrize("name, good", [
    ("package.module:Name", True), ("module:Name", True), ("a.b:C.d", True),
    ("resnet50", False), ("a.b", False), (":Name", False), ("a:", False), ("a:b:c", False),
    ("a b:C", False), ("a.:C", False), ("../a:C", False), ("a:C()", False),
])
def test_is_address(name, good):
    assert is_address(name) is good


def test_load():
    assert load("json:dumps", "function") is __import__("json").dumps


@pytest.mark.parametrize("address, part", [
    ("no_such_package:Name", "ModuleNotFoundError"),
    ("json:no_such_name", "AttributeError"),
])
def test_what_cannot_be_imported_is_told_in_a_line(address, part):
    with pytest.raises(ValueError) as error:
        load(address, "operation")
    message = str(error.value)
    assert message.startswith(f"got operation {address!r}, which cannot be imported ({part}")
    assert "\n" not in message


def test_a_module_that_fails_is_told(tmp_path, monkeypatch):
    (tmp_path / "breaks.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="ZeroDivisionError: division by zero"):
        load("breaks:Name", "model")


def test_a_stranger_s_code_needs_trust():
    require_trust(["mine.nets:Tiny"], ["mine"], "model.safetensors")
    require_trust([], [], "model.safetensors")
    with pytest.raises(ValueError, match="model.safetensors names 'mine.nets:Tiny'.*--trust=mine "):
        require_trust(["mine.nets:Tiny"], ["nets", "mine.nets"], "model.safetensors")
