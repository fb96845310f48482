"""Keys of partners and their rates: only hashes are kept, and revoking counts at once."""

import multiprocessing
import signal
import subprocess
import sys

import pytest

from madang.errors import UsageError
from madang.receiver import ReceiverError
from madang.receiver.keys import KeyRing, add_key, hash_of, read_keys, revoke_key
from madang.receiver.limits import RateLimits

KINDS = ("consents", "inquiries", "outcomes")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "receiver-keys.json"


def test_only_the_hash_of_a_key_is_kept(path):
    secret, key = add_key(path, "install-co", ["outcomes"], KINDS)
    assert secret not in path.read_text() and secret[13:] not in path.read_text()
    assert key.sha256 == hash_of(secret)
    assert path.stat().st_mode & 0o077 == 0
    assert read_keys(path) == [key]


def test_a_key_is_found_until_it_is_revoked(path):
    secret, key = add_key(path, "install-co", ["outcomes"], KINDS)
    other, _ = add_key(path, "install-co", ["consents", "outcomes"], KINDS, 60)
    ring = KeyRing(path)
    assert ring.find(secret, 0.1) == key
    assert ring.find(f"{secret}x", 0.1) is None
    assert ring.find("", 0.1) is None
    revoke_key(path, key.key_id)
    assert ring.find(secret, 0.2) == key  # not looked again yet
    assert ring.find(secret, 1.5) is None
    assert ring.find(other, 1.5).requests_per_minute == 60


def test_a_key_made_while_the_receiver_runs_counts(path):
    ring = KeyRing(path)
    secret, key = add_key(path, "install-co", ["outcomes"], KINDS)
    assert ring.find(secret, 2.0) == key


def test_a_file_that_breaks_while_the_receiver_runs_locks_nobody_out(path):
    secret, key = add_key(path, "install-co", ["outcomes"], KINDS)
    ring = KeyRing(path)
    path.write_text("{")
    assert ring.find(secret, 5.0) == key
    with pytest.raises(ReceiverError, match="broken"):
        KeyRing(path)


@pytest.mark.parametrize("partner", ["", "a", "Install", "1a", "a b", "a" * 41, "a/b", "가나다"])
def test_a_partner_needs_a_plain_name(path, partner):
    with pytest.raises(UsageError, match="partner"):
        add_key(path, partner, ["outcomes"], KINDS)


def test_an_unknown_kind_is_told_with_what_was_meant(path):
    with pytest.raises(UsageError, match="Did you mean 'outcomes'"):
        add_key(path, "install-co", ["outcome"], KINDS)
    with pytest.raises(UsageError, match="at least one kind"):
        add_key(path, "install-co", [], KINDS)
    assert not path.exists()


def test_revoking_an_unknown_key_says_so(path):
    with pytest.raises(UsageError, match="no key with this id"):
        revoke_key(path, "deadbeef")


def test_a_bucket_lets_a_burst_pass_and_then_the_rate():
    limits = RateLimits()
    passed = [limits.take("k", 60, 100.0) for _ in range(12)]
    assert passed == [0] * 10 + [1, 1]
    assert limits.take("k", 60, 101.0) == 0
    assert limits.take("k", 60, 101.0) == 1
    assert limits.take("other", 60, 101.0) == 0


def test_a_slow_rate_says_how_long_to_wait():
    limits = RateLimits()
    assert limits.take("k", 1, 0.0) == 0
    assert limits.take("k", 1, 0.0) == 60
    assert limits.take("k", 1, 59.0) == 1
    assert limits.take("k", 1, 61.0) == 0


def test_no_change_of_keys_is_lost_beside_another(path):
    """Many commands at once, as from two terminals: every key is there, every revocation stands."""
    victims = [add_key(path, "victim-co", ["outcomes"], KINDS)[1].key_id for _ in range(12)]
    fork = multiprocessing.get_context("fork")
    added = [
        fork.Process(target=add_key, args=(path, f"new-co-{n}", ["outcomes"], KINDS))
        for n in range(12)
    ]
    revoked = [fork.Process(target=revoke_key, args=(path, key_id)) for key_id in victims]
    for process in [one for pair in zip(added, revoked, strict=True) for one in pair]:
        process.start()
    for process in (*added, *revoked):
        process.join(30)
    keys = {key.key_id: key for key in read_keys(path)}
    assert len(keys) == 24
    assert all(keys[key_id].revoked_at for key_id in victims)
    assert sum(key.partner.startswith("new-co-") for key in keys.values()) == 12


def test_a_command_that_is_killed_while_it_writes_keys_changes_and_holds_nothing(path):
    secret, key = add_key(path, "install-co", ["outcomes"], KINDS)
    killed = """
import os, sys, pathlib
from madang.receiver import keys
os.fsync = lambda *_: os.kill(os.getpid(), 9)
keys.revoke_key(pathlib.Path(sys.argv[1]), sys.argv[2])
"""
    command = [sys.executable, "-c", killed, str(path), key.key_id]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert read_keys(path) == [key]
    assert list(path.parent.glob(".*.partial"))
    assert revoke_key(path, key.key_id).revoked_at
    assert list(path.parent.iterdir()) == [path]
