"""Every algorithm of table L and of the suites after it, against published vectors (L-01 … L-09)."""

import hashlib
import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa as dsa_keys
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import OAEP
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography_vectors import open_vector_file

from indicium.cryptomodule.suites import (
    NotAuthentic,
    curve25519,
    diffie_hellman,
    dsa,
    elliptic,
    lattice,
    rsa_oaep,
    sha1,
    symmetric,
)
from indicium.cryptomodule.suites.rsa_engine import modular_exponentiation
from indicium.domain.record import line_hash
from tests.cryptomodule.suites.published import Case, in_json, nist


class Fixed:
    """Entropy that gives what a vector says."""

    def __init__(self, *drawn: bytes) -> None:
        self._drawn = list(drawn)

    def random(self, size: int) -> bytes:
        drawn = self._drawn.pop(0)
        assert len(drawn) == size
        return drawn


@pytest.mark.parametrize("file", ["SHA256ShortMsg", "SHA256LongMsg"])
def test_sha_256_links_the_chain(file: str) -> None:
    """FIPS 180; G-502 in record format 1, under every suite."""
    cases = [case for case in nist(f"hashes/SHA2/{file}.rsp") if "Msg" in case.said]
    for case in cases:
        assert line_hash(case.bytes("Msg")[: int(case.said["Len"]) // 8]) == case.said["MD"]
    assert len(cases) > 60


@pytest.mark.parametrize("file", ["SHA1ShortMsg", "SHA1LongMsg"])
def test_sha_1(file: str) -> None:
    """FIPS 180-1 (L-05)."""
    cases = [case for case in nist(f"hashes/SHA1/{file}.rsp") if "Msg" in case.said]
    for case in cases:
        digest = hashes.Hash(sha1._SHA1)
        digest.update(case.bytes("Msg")[: int(case.said["Len"]) // 8])
        assert digest.finalize() == case.bytes("MD")
    assert len(cases) > 60


def test_hmac_with_sha_256() -> None:
    """RFC 4231. Its fifth case is truncated, and the file leaves it out."""
    cases = list(nist("HMAC/rfc-4231-sha256.txt"))
    for case in cases:
        symmetric.MacKey(case.bytes("Key")).verify(case.bytes("Msg"), case.bytes("MD"))
    assert len(cases) == 6


def test_hmac_with_sha_1() -> None:
    """RFC 2202 (L-04)."""
    cases = list(nist("HMAC/rfc-2202-sha1.txt"))
    for case in cases:
        sha1.MacKey(case.bytes("Key")).verify(case.bytes("Msg"), case.bytes("MD"))
    assert len(cases) == 7


def test_a_key_for_one_purpose_is_hkdfs() -> None:
    """RFC 5869, A.3: the one without a salt, as the suites have none."""
    blocks = list(nist("KDF/rfc-5869-HKDF-SHA256.txt"))  # an empty line parts what goes in from what comes out
    (asked, given) = next(pair for pair in pairwise(blocks) if pair[0].said.get("salt") == "")
    derived = symmetric.Symmetric(Fixed()).derive(asked.bytes("IKM"), "")
    assert derived == given.bytes("OKM")[: symmetric.KEY_BYTES]


def test_a_key_for_one_purpose_is_x9_63s() -> None:
    """ANSI X9.63 with SHA-1 (F-19, F-22, L-14); its shared information is the purpose, which is text here."""
    cases = [case for case in nist("KDF/ansx963_2001.txt", "SHA-1") if "key_data" in case.said]
    for case in cases:
        size = len(case.bytes("key_data"))
        derived = X963KDF(sha1._SHA1, size, case.bytes("SharedInfo")).derive(case.bytes("Z"))
        assert derived == case.bytes("key_data")
        if not case.said["SharedInfo"]:
            assert sha1.derive(case.bytes("Z"), "", size) == derived
    assert len(cases) == 20


def test_argon2id() -> None:
    """RFC 9106 and OpenSSL's."""
    cases = [case for case in nist("KDF/argon2id.txt") if int(case.said["memcost"]) <= 1024]
    for case in cases:
        slow = Argon2id(
            salt=case.bytes("salt"),
            length=int(case.said["length"]),
            iterations=int(case.said["iter"]),
            lanes=int(case.said["lanes"]),
            memory_cost=int(case.said["memcost"]),
            secret=case.bytes("secret") or None,
            ad=case.bytes("ad") or None,
        )
        assert slow.derive(case.bytes("pass")) == case.bytes("output")
    assert len(cases) > 3


def test_a_password_is_hashed_as_pkcs_5_says() -> None:
    """RFC 6070 (L-05), those that end within a second."""
    cases = [case for case in nist("KDF/rfc-6070-PBKDF2-SHA1.txt") if int(case.said["ITERATIONS"]) <= 4096]
    for case in cases:
        password, salt = (case.said[name].replace("\\0", "\0").encode() for name in ("PASSWORD", "SALT"))
        hashed = sha1.slow_hash(password, salt, int(case.said["ITERATIONS"]))
        known = case.bytes("DERIVED_KEY")
        if len(known) <= sha1.DIGEST_BYTES:
            assert hashed[: len(known)] == known
        else:
            assert hashed == known[: sha1.DIGEST_BYTES]
    assert len(cases) >= 4


def test_aes_256_gcm_seals() -> None:
    """NIST's GCM, of the suites' lengths: nonces of 96 bits, tags of 128."""
    lengths = {"IVlen = 96", "Taglen = 128"}
    cases = [case for case in nist("ciphers/AES/GCM/gcmEncryptExtIV256.rsp") if lengths <= {*case.headings}]
    for case in cases:
        key = symmetric.SealKey(case.bytes("Key"), Fixed(case.bytes("IV")))
        token = key.seal(case.bytes("PT"), case.bytes("AAD"))
        assert token == case.bytes("IV") + case.bytes("CT") + case.bytes("Tag")
    assert len(cases) > 300


def test_aes_256_gcm_opens_what_is_whole_and_nothing_else() -> None:
    lengths, refused = {"IVlen = 96", "Taglen = 128"}, 0
    for case in nist("ciphers/AES/GCM/gcmDecrypt256.rsp"):
        if not lengths <= {*case.headings}:
            continue
        key = symmetric.SealKey(case.bytes("Key"), Fixed())
        token = case.bytes("IV") + case.bytes("CT") + case.bytes("Tag")
        if "PT" in case.said:
            assert key.open(token, case.bytes("AAD")) == case.bytes("PT")
        else:
            refused += 1
            with pytest.raises(NotAuthentic):
                key.open(token, case.bytes("AAD"))
    assert refused > 100


def keys_of(case: Case) -> bytes:
    return case.bytes("KEYs") * 3 if "KEYs" in case.said else b"".join(case.bytes(f"KEY{n}") for n in (1, 2, 3))


@pytest.mark.parametrize(
    "file", ["TCBCMMT1", "TCBCMMT2", "TCBCMMT3", "TCBCvartext", "TCBCvarkey", "TCBCinvperm", "TCBCpermop", "TCBCsubtab"]
)
def test_triple_des(file: str) -> None:
    """NIST SP 800-20, CBC (L-01, L-02): one key three times is DES; encryption and decryption."""
    cases = [case for case in nist(f"ciphers/3DES/CBC/{file}.rsp") if "PLAINTEXT" in case.said]
    for case in cases:
        cipher = Cipher(TripleDES(keys_of(case)), modes.CBC(case.bytes("IV")))
        assert cipher.encryptor().update(case.bytes("PLAINTEXT")) == case.bytes("CIPHERTEXT")
        assert cipher.decryptor().update(case.bytes("CIPHERTEXT")) == case.bytes("PLAINTEXT")
    assert len(cases) >= 20


def signature_of(case: Case) -> bytes:
    return encode_dss_signature(case.number("R"), case.number("S"))


def test_ecdsa_verifies() -> None:
    """NIST's FIPS 186-3 vectors of P-256 with SHA-256, good and bad."""
    outcomes = set()
    for case in nist("asymmetric/ECDSA/FIPS_186-3/SigVer.rsp", "P-256,SHA-256"):
        public = ec.EllipticCurvePublicNumbers(case.number("Qx"), case.number("Qy"), ec.SECP256R1()).public_key()
        key, good = elliptic.VerifyKey(public), case.said["Result"].startswith("P")
        outcomes.add((verifies(key, case.bytes("Msg"), signature_of(case)), good))
    assert outcomes == {(True, True), (False, False)}


def verifies(key: elliptic.VerifyKey | dsa.VerifyKey, data: bytes, signature: bytes) -> bool:
    try:
        key.verify(data, signature)
    except NotAuthentic:
        return False
    return True


def test_deterministic_ecdsa_is_rfc_6979s() -> None:
    """OpenSSL's copy of A.2.5, with SHA-256; of the two values of s, ours is the lower."""
    with open_vector_file("asymmetric/ECDSA/RFC6979/evppkey_ecdsa_rfc6979.txt", "r") as file:
        text = file.read()
    pem = re.search(r"PrivateKey=P-256_PRIV\n(.*?END PRIVATE KEY-----)", text, re.DOTALL)
    assert pem is not None
    key = serialization.load_pem_private_key(pem[1].encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    signing = elliptic.SigningKey(key, deterministic=True)
    block = r'DigestSign = SHA256\nKey = P-256_PRIV\nNonceType = deterministic\nInput = "(\w+)"\nOutput = (\w+)'
    found = re.findall(block, text)
    for message, output in found:
        r, s = decode_dss_signature(bytes.fromhex(output))
        known = (r, min(s, elliptic._ORDER - s))
        assert decode_dss_signature(signing.sign(message.encode())) == known
    assert [message for message, _ in found] == ["sample", "test"]


def groups(path: str) -> Iterator[tuple[dsa_keys.DSAParameterNumbers, Case]]:
    """Give the cases of 1024 bits with SHA-1, or with no hash at all, each with its group."""
    group = None
    for case in nist(path):
        if not case.headings[-1].startswith("mod = L=1024, N=160") or case.headings[-1][19:] not in ("", ", SHA-1"):
            continue
        if "P" in case.said:
            group = dsa_keys.DSAParameterNumbers(case.number("P"), case.number("Q"), case.number("G"))
        else:
            assert group is not None
            yield group, case


@pytest.mark.parametrize("file", ["SigVer", "SigGen"])
def test_dsa_verifies(file: str) -> None:
    """NIST's FIPS 186-3 vectors (L-06), good and bad."""
    outcomes = []
    for group, case in groups(f"asymmetric/DSA/FIPS_186-3/{file}.rsp"):
        key = dsa.VerifyKey(dsa_keys.DSAPublicNumbers(case.number("Y"), group).public_key())
        good = case.said.get("Result", "P").startswith("P")
        outcomes.append((verifies(key, case.bytes("Msg"), signature_of(case)), good))
    assert set(outcomes) == ({(True, True), (False, False)} if file == "SigVer" else {(True, True)})
    assert len(outcomes) == 15


def test_dsa_keys_are_powers_of_their_generator() -> None:
    cases = list(groups("asymmetric/DSA/FIPS_186-3/KeyPair.rsp"))
    for group, case in cases:
        assert modular_exponentiation(group.g, case.number("X"), group.p) == case.number("Y")
    assert len(cases) == 10


def test_diffie_hellman() -> None:
    """NIST's FFC primitive vectors of 1024 bits (L-08): both sides' exponents lead to Z."""
    group, known = None, 0
    for case in nist("asymmetric/DH/KASValidityTest_FFCStatic_NOKC_ZZOnly_init.fax", "FA - SHA1"):
        if "P" in case.said:
            group = (case.number("P"), case.number("G"))
            continue
        assert group is not None
        if not case.said["Result"].startswith("P"):
            continue
        prime, generator = group
        ours, theirs = case.number("XstatIUT"), case.number("YstatCAVS")
        assert modular_exponentiation(generator, ours, prime) == case.number("YstatIUT")
        assert modular_exponentiation(theirs, ours, prime) == case.number("Z")
        known += 1
    assert known > 3
    assert diffie_hellman.KEY_BYTES == 128


def test_x25519() -> None:
    """RFC 7748, 5.2."""
    cases = [case for case in nist("asymmetric/X25519/rfc7748.txt") if "INPUT_SCALAR" in case.said]
    for case in cases:
        assert curve25519._agree(case.bytes("INPUT_SCALAR"), case.bytes("INPUT_U")) == case.bytes("OUTPUT_U")
    assert len(cases) >= 3


def test_hpke_with_x25519() -> None:
    """RFC 9180's own vectors of this suite: base mode, HKDF-SHA-256, AES-256-GCM. Theirs carry associated data."""
    (case,) = (
        case
        for case in in_json("HPKE/test-vectors.json")
        if (case["mode"], case["kem_id"], case["kdf_id"], case["aead_id"]) == (0, 0x20, 1, 2)
    )
    private = bytes.fromhex(case["skRm"])
    first = case["encryptions"][0]
    sealed, info, associated = (bytes.fromhex(text) for text in (case["enc"] + first["ct"], case["info"], first["aad"]))
    key = X25519PrivateKey.from_private_bytes(private)
    assert openssl.hpke._decrypt_with_aad(curve25519._HPKE, sealed, key, info, associated) == bytes.fromhex(first["pt"])
    assert curve25519.public_half(private) == bytes.fromhex(case["pkRm"])
    with pytest.raises(InvalidTag):
        openssl.hpke._decrypt_with_aad(curve25519._HPKE, sealed, key, info, b"")


def test_hpke_with_ml_kem_and_x25519() -> None:
    """The HPKE working group's vectors of this combination, which they show with another AEAD."""
    (case,) = (
        case
        for case in in_json("HPKE/hpke-pq-test-vectors.json")
        if (case["kem_id"], case["kdf_id"], case["aead_id"]) == (0x647A, 1, 3)
    )
    private = hashlib.shake_256(bytes.fromhex(case["skRm"])).digest(lattice.EXCHANGE_KEY_BYTES)
    assert lattice.public_half(private) == bytes.fromhex(case["pkRm"])
    first = case["encryptions"][0]
    sealed, info, associated = (bytes.fromhex(text) for text in (case["enc"] + first["ct"], case["info"], first["aad"]))
    theirs = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    opened = openssl.hpke._decrypt_with_aad(theirs, sealed, lattice._private(private), info, associated)
    assert opened == bytes.fromhex(first["pt"])


def test_ml_kem() -> None:
    """FIPS 203: keys from seeds, and what they make of a right and of a wrong ciphertext."""
    cases = list(nist_by_count("asymmetric/MLKEM/kat_MLKEM_768.rsp"))
    for case in cases:
        seed = case.bytes("d") + case.bytes("z")
        assert lattice.public_half(seed + bytes(32))[:-32] == case.bytes("pk")
        key = MLKEM768PrivateKey.from_seed_bytes(seed)
        assert key.decapsulate(case.bytes("ct")) == case.bytes("ss")
        assert key.decapsulate(case.bytes("ct_n")) == case.bytes("ss_n")
    assert len(cases) >= 100


def test_ml_dsa() -> None:
    """FIPS 204: keys from seeds, and signatures that verify. Ours are hedged, so none can be compared."""
    cases = list(nist_by_count("asymmetric/MLDSA/kat_MLDSA_65_det_pure.rsp"))
    for case in cases:
        key = lattice.generate(Fixed(case.bytes("xi")))
        assert key.public().der.endswith(case.bytes("pk"))
        public = serialization.load_der_public_key(key.public().der)
        assert isinstance(public, MLDSA65PublicKey)
        signature = case.bytes("sm")[: -int(case.said["mlen"])]
        assert len(signature) == 3309
        public.verify(signature, case.bytes("msg"), case.bytes("ctx"))
    assert len(cases) >= 100


def nist_by_count(path: str) -> Iterator[Case]:
    """Give the cases of a file in which the member `count` begins each."""
    said: dict[str, str] = {}
    with open_vector_file(path, "r") as file:
        for line in file:
            name, _, value = line.strip().partition(" = ")
            if name == "count" and said:
                yield Case((), said)
                said = {}
            said[name] = value
    yield Case((), said)


def oaep_examples() -> Iterator[tuple[rsa.RSAPrivateKey, bytes, bytes]]:
    """Give key, message and ciphertext of RSA Laboratories' examples."""
    with open_vector_file("asymmetric/RSA/pkcs-1v2-1d2-vec/oaep-vect.txt", "r") as file:
        examples = re.split(r"# Example \d+:", file.read())[1:]
    for example in examples:
        fields = re.findall(r"# ([A-Z][\w ]+?):? *\n((?:[0-9a-f]{2} ?)+(?:\n(?:[0-9a-f]{2} ?)+)*)", example)
        values = [(name, bytes.fromhex(text.replace("\n", ""))) for name, text in fields]
        first = {name: int.from_bytes(value, "big") for name, value in reversed(values)}
        exponents = [int.from_bytes(value, "big") for name, value in values if name == "Exponent"]
        numbers = rsa.RSAPrivateNumbers(
            first["Prime 1"],
            first["Prime 2"],
            exponents[-1],
            first["Prime exponent 1"],
            first["Prime exponent 2"],
            first["Coefficient"],
            rsa.RSAPublicNumbers(exponents[0], first["Modulus"]),
        )
        key = numbers.private_key()
        messages = [value for name, value in values if name == "Message"]
        sealed = [value for name, value in values if name == "Encryption"]
        yield from ((key, message, block) for message, block in zip(messages, sealed, strict=True))


def test_rsa_with_oaep() -> None:
    """RSA Laboratories' vectors (L-07): OAEP with SHA-1, keys from 1024 bits on."""
    lengths = set()
    for key, message, block in oaep_examples():
        assert key.decrypt(block, OAEP(rsa_oaep._MASK, rsa_oaep._SHA1, None)) == message
        lengths.add(key.key_size)
    assert lengths == {*range(1024, 1032), 1536, 2048}
