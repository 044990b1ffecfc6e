"""The verifier's own Ed25519, notes and trees, against published vectors and other implementations."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import bundles

from wave_runner.audit import wave_verify as v

ORDER = 2**252 + 27742317777372353535851937790883648493

# RFC 8032, section 7.1: secret key, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
        "655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
        "b00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
        "c027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_the_vectors_of_rfc_8032_hold(secret: str, public: str, message: str, signature: str):
    key, said, signed = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    assert Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)).public_key().public_bytes_raw() == key
    assert v.is_signed(key, signed, said)
    assert not v.is_signed(key, signed, said + b"\0")


def accepts(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@settings(max_examples=60)
@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200), data=st.data())
def test_it_agrees_with_cryptography_on_good_and_bad_signatures(seed: bytes, message: bytes, data: st.DataObject):
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = private.public_key().public_bytes_raw(), private.sign(message)
    assert v.is_signed(public, signature, message)
    changed = bytearray(public + signature)
    changed[data.draw(st.integers(0, 95))] ^= 1 << data.draw(st.integers(0, 7))
    key, signed = bytes(changed[:32]), bytes(changed[32:])
    assert v.is_signed(key, signed, message) is accepts(key, signed, message) is False


def test_a_signature_has_one_form():
    """The same number modulo the order of the group would be a second signature of the same message."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(32))
    public, signature = private.public_key().public_bytes_raw(), private.sign(b"x")
    twin = signature[:32] + (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")
    assert v.is_signed(public, signature, b"x")
    assert not v.is_signed(public, twin, b"x")


@pytest.mark.parametrize(("public", "signature"), [(b"", bytes(64)), (bytes(32), b""), (b"\xff" * 32, bytes(64))])
def test_what_is_no_key_or_no_signature_signs_nothing(public: bytes, signature: bytes):
    assert not v.is_signed(public, signature, b"")


# ─── notes ───────────────────────────────────────────────────────────────────────────────────────────────────────────

EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_LINE = "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="


def test_the_key_of_the_example_of_c2sp_accepts_its_note():
    key = v.parse_key(EXAMPLE_KEY)
    signature = base64.b64decode(EXAMPLE_LINE)
    assert signature[:4] == key.id
    assert v.is_signed(key.public, signature[4:], b"This is an example message.\n")


@pytest.mark.parametrize(
    "text",
    [
        "example.com/foo",
        EXAMPLE_KEY.replace("530d903a", "530d903b"),
        EXAMPLE_KEY.replace("+A", "+B"),
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        EXAMPLE_KEY[:-4],
        "a+530d903a+!!!!",
    ],
)
def test_what_is_no_key_is_refused(text: str):
    with pytest.raises(v.UsageError):
        v.parse_key(text)


def test_a_checkpoint_of_the_reference_is_signed_and_cosigned():
    origin = "example.com/wave-runner/e1"
    note = (
        f"{origin}\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n"
        f"— {origin} Jo/ak1tYt4kKLm704QXaz/F4iVxEOAwHrL0C3zDo1vD18Gj905bXF4TCyEJz1pokLB5DD5lqhjeMuWnrxTYm5KVRHQI=\n"
        "— example.com/wave-runner/notary bJ6uSwAAAABlU/EAKBfSTI0RuKT+xuxxLnmBjiNQI4ofz2nZwKvIK55tQAwskDOJ7rhEx/dcMqOWT"
        "Ym0Yt15uBKjdsiClST8GaMiBg==\n"
    )
    trusted = (
        f"log {origin}+268fda93+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4\n"
        "witness n example.com/wave-runner/notary+6c9eae4b+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X\nquorum n\n"
    )
    checkpoint = v.parse_checkpoint(note.encode())
    assert (checkpoint.origin, checkpoint.size) == (origin, 8)
    v.Policy(trusted).check(checkpoint)
    later = note.replace("BlU/EA", "BlU/EB")
    with pytest.raises(v.TamperedError, match="false"):
        v.Policy(trusted).check(v.parse_checkpoint(later.encode()))


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note.replace(b"\n\n", b"\n"),
        lambda note: note.replace(b"\n3\n", b"\n03\n"),
        lambda note: note.replace(b"\n3\n", b"\n-3\n"),
        lambda note: note.replace(b"\n3\n", b"\n" + b"9" * 5000 + b"\n"),
        lambda note: note.replace(b"\n\n", b"\nextension\n\n"),
        lambda note: note[:-1],
        lambda note: note.replace(b"=\n\n", b"\n\n"),
        lambda note: note.replace(b"\xe2\x80\x94", b"-"),
        lambda note: note + b"\xff\n",
        lambda note: note.replace(b"\n3\n", b"\n3\r\n"),
        lambda note: note + b"\xe2\x80\x94 a QQ==\n" * 200,
        lambda note: b"",
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(change):
    note = bundles.checkpoint([bytes(32)] * 3)
    assert v.parse_checkpoint(note).size == 3
    with pytest.raises(v.TamperedError):
        v.parse_checkpoint(change(note))


def test_signatures_of_strangers_say_nothing():
    stranger = bundles.Signer("somebody.example", bytes(range(7, 39)))
    note = bundles.checkpoint([bytes(32)], stranger, bundles.LOG_KEY)
    v.Policy(bundles.policy()).check(v.parse_checkpoint(note))
    alone = bundles.checkpoint([bytes(32)], stranger)
    with pytest.raises(v.TamperedError, match="signed by no key"):
        v.Policy(bundles.policy()).check(v.parse_checkpoint(alone))


def test_one_key_of_several_is_enough_and_a_false_signature_is_too_much():
    both = bundles.policy(bundles.LOG_KEY, bundles.OTHER_KEY)
    v.Policy(both).check(v.parse_checkpoint(bundles.checkpoint([bytes(32)], bundles.OTHER_KEY)))
    good, other = bundles.checkpoint([bytes(32)]), bundles.checkpoint([bytes(32)] * 2, bundles.OTHER_KEY)
    forged = good + other.splitlines(keepends=True)[-1]
    with pytest.raises(v.TamperedError, match="false"):
        v.Policy(both).check(v.parse_checkpoint(forged))


# ─── policies ────────────────────────────────────────────────────────────────────────────────────────────────────────


def quorum(*lines: str, signers: tuple[bundles.Signer, ...]) -> None:
    witnesses = [bundles.Signer(f"w{number}.example", bytes([number] * 32), 4) for number in range(3)]
    named = [f"witness w{number} {one.vkey}" for number, one in enumerate(witnesses)]
    text = "\n".join(["# whom we trust", f"log {bundles.LOG_KEY.vkey} https://log.example", *named, *lines])
    v.Policy(text).check(v.parse_checkpoint(bundles.checkpoint([bytes(32)], bundles.LOG_KEY, *signers)))


W = [bundles.Signer(f"w{number}.example", bytes([number] * 32), 4) for number in range(3)]


def test_a_quorum_may_be_any_all_or_some():
    quorum("group two 2 w0 w1 w2", "quorum two", signers=(W[0], W[2]))
    quorum("group some any w0 w1", "quorum some", signers=(W[1],))
    quorum("group inner all w0 w1", "group outer any inner w2", "quorum outer", signers=(W[2],))
    quorum("quorum w0", signers=(W[0],))
    for lines, signers in [
        (("group two 2 w0 w1 w2", "quorum two"), (W[0],)),
        (("group every all w0 w1", "quorum every"), (W[0],)),
        (("group some any w0 w1", "quorum some"), (W[2],)),
        (("quorum w0",), ()),
    ]:
        with pytest.raises(v.TamperedError, match="lacks the signatures"):
            quorum(*lines, signers=signers)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["quorum w0", "quorum w1"],
        ["quorum nobody"],
        ["group g any nobody", "quorum g"],
        ["group g 3 w0 w1", "quorum g"],
        ["group g 0 w0 w1", "quorum g"],
        ["group none any w0", "quorum none"],
        ["group w0 any w1", "quorum w0"],
        ["witnes x", "quorum none"],
        [f"witness x {bundles.LOG_KEY.vkey}", "quorum none"],
    ],
)
def test_what_is_no_policy_is_refused(lines: list[str]):
    with pytest.raises(v.UsageError):
        quorum(*lines, signers=())


# ─── trees ───────────────────────────────────────────────────────────────────────────────────────────────────────────

LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
HASHES = [v.leaf_hash(bytes.fromhex(one)) for one in LEAVES]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def grown(leaves: list[bytes]) -> tuple[v.Tree, dict[str, bytes]]:
    tiles: dict[str, bytes] = {}

    def keep(level, number, hashes):
        tiles[v.tile_path(level, number, len(hashes))] = b"".join(hashes)

    tree = v.Tree(keep)
    for one in leaves:
        tree.append(one)
    tree.finish()
    return tree, tiles


@pytest.mark.parametrize("size", ROOTS)
def test_the_roots_of_certificate_transparency_hold(size: int):
    assert grown(HASHES[:size])[0].root().hex() == ROOTS[size]


def leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(number.to_bytes(8, "big")).digest() for number in range(count)]


@pytest.mark.parametrize("size", [*range(1, 40), 255, 256, 257, 511, 513, 700])
def test_roots_tiles_and_proofs_agree_with_the_definition(size: int):
    some = leaves(size)
    root = bundles.root_of(some)
    tree, tiles = grown(some)
    assert tree.root() == root
    assert tiles == bundles.tiles(some)
    stored = v.Tiles(size, tiles.get)
    for index in {*range(min(size, 40)), size - 1, size // 2}:
        proof = bundles.inclusion(index, some)
        assert stored.leaf(index) == some[index]
        assert v.is_included(some[index], index, size, proof, root)
        assert not v.is_included(some[index], index + 1, size, proof, root)
        assert not v.is_included(bytes(32), index, size, proof, root)
        assert not v.is_included(some[index], index, size, [*proof, bytes(32)], root)
        for at in range(len(proof)):
            assert not v.is_included(some[index], index, size, [*proof[:at], bytes(32), *proof[at + 1 :]], root)
            assert not v.is_included(some[index], index, size, proof[:at] + proof[at + 1 :], root)
    for old in {*range(1, min(size, 40)), size}:
        before, proof = bundles.root_of(some[:old]), bundles.consistency(old, some)
        assert stored.root(old) == before
        assert v.is_consistent(old, size, proof, before, root)
        assert not v.is_consistent(old, size, proof, bytes(32), root)
        assert not v.is_consistent(old, size, [*proof, bytes(32)], before, root)
        for at in range(len(proof)):
            assert not v.is_consistent(old, size, [*proof[:at], bytes(32), *proof[at + 1 :]], before, root)


def test_a_tile_that_does_not_hang_on_the_root_proves_nothing():
    some = leaves(700)
    tiles = bundles.tiles(some)
    tiles["tile/0/001"] = bytes(32) + tiles["tile/0/001"][32:]
    stored = v.Tiles(700, tiles.get)
    assert stored.root(700) == bundles.root_of(some), "the root needs no full tile below"
    with pytest.raises(v.TamperedError, match="does not belong"):
        stored.leaf(300)


def test_tiles_lie_where_c2sp_says():
    assert v.tile_path(2, 1_234_067) == "tile/2/x001/x234/067"
    assert v.entries_path(7, 3) == "tile/entries/007.p/3"
