"""Keys of partners and their rates: only hashes are kept, and revoking counts at once."""

import asyncio
import multiprocessing
import signal
import subprocess
import sys
import threading

import pytest

from madang.errors import UsageError
from madang.receiver import ReceiverError
from madang.receiver.checks import AT_HAND, Checks
from madang.receiver.keys import KeyRing, add_key, hash_of, read_keys, revoke_key
from madang.receiver.limits import AtOnce, NoRoomError, RateLimits

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
    _, key = add_key(path, "install-co", ["outcomes"], KINDS)
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


def test_what_is_under_way_is_bounded_for_a_key_and_in_all():
    largest = 1000  # bytes: 128 such bodies in all, 64 of one key
    at_once = AtOnce(most_of_key=3, largest=largest)
    with at_once.held("a", 40 * largest), at_once.held("a", 20 * largest):
        with pytest.raises(NoRoomError) as caught, at_once.held("a", 5 * largest):
            pass
        assert caught.value.of_key  # more bytes than it may
        with at_once.held("a", largest):
            with pytest.raises(NoRoomError) as caught, at_once.held("a", 1):
                pass
            assert caught.value.of_key  # more requests than it may
        others = at_once.held("b", 64 * largest)
        with others, pytest.raises(NoRoomError) as caught, at_once.held("c", 5 * largest):
            pass
        assert not caught.value.of_key
    with at_once.held("a", 64 * largest):  # all of it was given back
        pass


def test_checks_of_one_key_take_turns_and_another_key_is_not_behind_them():
    done, may_go_on = [], threading.Event()

    def slow() -> None:
        may_go_on.wait(10)
        done.append("slow")

    async def both() -> None:
        checks = Checks()
        slow_ones = [asyncio.create_task(checks.run("a", AT_HAND + 1, slow)) for _ in range(5)]
        await asyncio.sleep(0.05)
        await checks.run("b", AT_HAND + 1, lambda: done.append("quick"))
        may_go_on.set()
        await asyncio.gather(*slow_ones)
        checks.stop()

    asyncio.run(both())
    assert done == ["quick", *["slow"] * 5]
