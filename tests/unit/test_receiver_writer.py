"""The writer: many requests share a commit, an answer follows its commit, a bad disk is told."""

import asyncio
import sqlite3
import threading
from contextlib import closing

import pytest

from madang.ingest.calls.ids import RequestIds
from madang.ingest.calls.inbox import Inbox, Received, listed, open_inbox
from madang.receiver.writer import InboxDown, Writer

IDS = RequestIds()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "received.sqlite"


@pytest.fixture
def writer(path):
    writer = Writer(path)
    writer.start()
    yield writer
    if writer.is_alive:
        writer.stop()


def request(number: int) -> Received:
    return Received(
        request_id=IDS.next(),
        partner="install-co",
        kind="outcomes",
        idempotency_key=f"k{number}",
        body_sha256="b",
        source="offline.outcomes",
        columns=listed(["outcome_id"]),
        received_at="2026-10-06T05:30:00Z",
        status=202,
        answer="{}",
        items=((1, (f"O{number}",)),),
    )


def kept(path) -> int:
    with closing(open_inbox(path)) as inbox:
        return sum(inbox.waiting().values())


def test_requests_that_wait_together_share_a_commit(path, writer, monkeypatch):
    groups = []
    real = Inbox.keep

    def keep(self, requests):
        groups.append(len(requests))
        return real(self, requests)

    monkeypatch.setattr(Inbox, "keep", keep)

    async def post_all():
        return await asyncio.gather(*(writer.keep(request(number)) for number in range(200)))

    answers = asyncio.run(post_all())
    assert {answer.outcome for answer in answers} == {"new"}
    assert sum(groups) == kept(path) == 200
    assert len(groups) < 50


def test_no_answer_leaves_before_its_commit(path, writer, monkeypatch):
    committing = threading.Event()
    real = Inbox.keep

    def keep(self, requests):
        committing.wait(5)
        return real(self, requests)

    monkeypatch.setattr(Inbox, "keep", keep)

    async def post():
        answer = asyncio.ensure_future(writer.keep(request(1)))
        await asyncio.sleep(0.05)
        early = answer.done()
        committing.set()
        await answer
        return early

    assert asyncio.run(post()) is False
    assert kept(path) == 1


def test_a_disk_that_refuses_is_told_and_the_next_request_tries_again(path, writer, monkeypatch):
    def refuse(self, requests):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Inbox, "keep", refuse)
        with pytest.raises(InboxDown, match="cannot be written"):
            asyncio.run(writer.keep(request(1)))
        assert writer.failure == "OperationalError"
    assert asyncio.run(writer.keep(request(1))).outcome == "new"
    assert writer.failure is None
    assert kept(path) == 1


def test_who_hangs_up_while_it_is_written_harms_nobody(path, writer, monkeypatch):
    async def post():
        gone = asyncio.ensure_future(writer.keep(request(1)))
        await asyncio.sleep(0)
        gone.cancel()
        return await writer.keep(request(2))

    assert asyncio.run(post()).outcome == "new"
    assert kept(path) == 2


def test_stopping_writes_what_waits_and_then_takes_nothing_more(path, writer):
    async def post_and_stop():
        waiting = [asyncio.ensure_future(writer.keep(request(number))) for number in range(50)]
        await asyncio.sleep(0)
        await asyncio.to_thread(writer.stop)
        answers = await asyncio.gather(*waiting)
        with pytest.raises(InboxDown, match="closed"):
            await writer.keep(request(99))
        return answers

    assert len(asyncio.run(post_and_stop())) == 50
    assert kept(path) == 50
