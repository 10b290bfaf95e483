import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeclip.hashing import content_id, file_sha256, json_sha256


@given(st.binary())
def test_a_content_id_is_16_hex_digits_of_the_sha256_and_fits_a_signed_64_bit_integer(data):
    id, whole = content_id(data), hashlib.sha256(data).hexdigest()
    assert len(id) == 16
    assert int(id, 16) < 2**63
    assert id[1:] == whole[1:16]
    assert int(id[0], 16) == int(whole[0], 16) & 7


def test_text_is_hashed_as_utf8():
    assert content_id("café") == content_id("café".encode())


@pytest.mark.parametrize("size", [0, 1, 3 << 20])
def test_a_file_hashes_as_its_bytes(tmp_path, size):
    data = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "file").write_bytes(data[:size])
    assert file_sha256(tmp_path / "file") == hashlib.sha256(data[:size]).hexdigest()


def test_json_is_hashed_whatever_the_order_of_its_keys():
    assert json_sha256({"a": 1, "b": "é"}) == json_sha256({"b": "é", "a": 1})
    assert json_sha256({"a": 1}) != json_sha256({"a": 2})
