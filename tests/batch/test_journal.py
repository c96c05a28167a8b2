"""The journal by itself: what it keeps, what it refuses, how names are given out, and how it survives."""

from __future__ import annotations

import os
import signal
import sqlite3
import unicodedata
from contextlib import suppress
from pathlib import Path

import pytest
from batch_fakes import JOURNAL, rows
from hypothesis import given, settings
from hypothesis import strategies as st

from camofilter.batch.journal import Journal
from camofilter.batch.sources import Entry
from camofilter.errors import BatchError, UsageError

ODD = os.fsdecode(b"dir/\xff.png")


def add(journal: Journal, *names: str) -> None:
    for name in names:
        journal.add(Entry(name, 10, "1"), "options")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


def test_a_photo_goes_through_its_states(journal: Journal) -> None:
    add(journal, "a.png")
    assert journal.waiting() == (1, 10)
    journal.claim("a.png", ".png")
    journal.writing("a.png", "in", "written", 99, {"camouflaged": False, "score": 1.5}, 2.5)
    row = journal.row("a.png")
    assert (row.state, row.next_sha256, row.output_sha256, row.output) == ("writing", "written", None, "a.png")
    journal.done("a.png")
    row = journal.row("a.png")
    assert (row.state, row.next_sha256, row.output_sha256, row.output_size) == ("done", None, "written", 99)
    assert journal.record("a.png") == {"camouflaged": False, "score": 1.5, "seconds": 2.5}
    assert journal.seconds_a_photo("options") == 2.5
    assert journal.seconds_a_photo("others") is None
    journal.again(Entry("a.png", 11, "2"), "others", "in")
    row = journal.row("a.png")
    assert (row.state, row.size, row.stamp, row.input_sha256) == ("waiting", 11, "2", "in")
    journal.done("a.png")
    assert journal.row("a.png").output_sha256 == "written"
    journal.failed("a.png", "no", "in", 1.0)
    assert (journal.row("a.png").state, journal.row("a.png").error) == ("failed", "no")
    assert journal.counts() == {"failed": 1}


def test_it_is_one_sqlite_file_that_others_can_read(journal: Journal, tmp_path: Path) -> None:
    add(journal, "a.png", ODD)
    journal.note("root", os.fsdecode(b"/in\xff"))
    journal.close()
    assert os.listdir(tmp_path) == [JOURNAL]
    assert {row["name"] for row in rows(tmp_path)} == {b"a.png", os.fsencode(ODD)}
    columns = {"state", "input_sha256", "options_sha256", "record", "seconds", "error"}
    assert columns <= rows(tmp_path)[0].keys()
    again = Journal(tmp_path)
    assert again.fact("root") == os.fsdecode(b"/in\xff")
    assert again.fact("nothing") is None


def test_names_that_are_no_text_come_back(journal: Journal) -> None:
    add(journal, ODD)
    journal.claim(ODD, ".png")
    journal.failed(ODD, f"{ODD}: cannot be read", None)
    (row,) = journal.rows()
    assert (row.name, row.output, row.error) == (ODD, ODD, f"{ODD}: cannot be read")
    with pytest.raises(KeyError):
        journal.row("dir/ÿ.png")


def test_listings_are_compared_in_portions(journal: Journal) -> None:
    names = [f"{number}.png" for number in range(2500)] + [os.fsdecode(b"%d\xff.png" % n) for n in range(1100)]
    with journal.transaction():
        journal.see(Entry(name, 1, "") for name in names)
        for entry, row in journal.compared():
            assert row is None
            journal.add(entry, "options")
        assert sorted(entry.name for entry, _ in journal.compared()) == sorted(names)
        assert all(row and row.name == entry.name for entry, row in journal.compared())
    assert sorted(row.name for row in journal.rows("waiting")) == sorted(names)
    assert journal.counts(seen=True) == {"waiting": 3600}
    with journal.transaction():
        for row in journal.rows("waiting"):
            journal.failed(row.name, "no", None)
    assert journal.counts() == {"failed": 3600}


def test_what_vanished_is_forgotten_unless_its_result_stands(journal: Journal) -> None:
    add(journal, "a.png", "b.png", "c.png", "d.png")
    journal.failed("b.png", "no", None)
    journal.failed("c.png", "no", None)
    with journal.transaction():
        journal.see([Entry("d.png", 10, "1")])
        journal.forget_vanished(lambda row: row.name in ("a.png", "b.png"))
    assert {row.name: row.state for row in journal.rows()} == {"a.png": "done", "b.png": "done", "d.png": "waiting"}
    assert journal.row("b.png").error is None
    assert journal.row("b.png").options_sha256 is None


def test_a_transaction_is_kept_as_a_whole_or_not_at_all(journal: Journal) -> None:
    with suppress(KeyboardInterrupt), journal.transaction():
        add(journal, "a.png")
        raise KeyboardInterrupt
    assert journal.counts() == {}
    add(journal, "a.png")
    assert journal.counts() == {"waiting": 1}


NAMES = st.lists(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(("", "d/", "D/")),
        st.sampled_from(("a", "A", "a-2", "A-2", "\u00e9", "e\u0301", "E\u0301", "ß", "ss", "\udcff", "a.b")),
        st.sampled_from((".jpg", ".JPG", ".png", ".heic", ".tif")),
    ),
    unique=True,
    max_size=25,
)


@pytest.mark.slow
@given(names=NAMES, suffixes=st.lists(st.sampled_from((".jpg", ".JPG", ".png")), min_size=25, max_size=25))
@settings(max_examples=30)
def test_no_two_results_have_names_that_a_file_system_takes_for_one(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], suffixes: list[str]
) -> None:
    journal = Journal(tmp_path_factory.mktemp("out"))
    with journal.transaction():
        add(journal, *names)
        for _ in range(2):  # the second time, all keep theirs
            claimed = [journal.claim(name, suffix) for name, suffix in zip(names, suffixes, strict=False)]
    assert [journal.row(name).output for name in names] == claimed
    folded = {unicodedata.normalize("NFC", unicodedata.normalize("NFC", str(name)).casefold()) for name in claimed}
    assert len(folded) == len(names)
    for name, output, suffix in zip(names, claimed, suffixes, strict=False):
        assert output is not None
        assert output.endswith(suffix)
        assert os.path.dirname(output) == os.path.dirname(name)
        assert os.path.basename(output).startswith(os.path.splitext(os.path.basename(name))[0])
    journal.close()


def test_a_claim_can_be_for_some_numbers_only(journal: Journal) -> None:
    add(journal, "a.jpg", "A.jpg")
    assert journal.claim("a.jpg", ".jpg", [1]) == "a.jpg"
    assert journal.claim("A.jpg", ".jpg", [1]) is None
    assert journal.row("A.jpg").output is None
    assert journal.claim("A.jpg", ".jpg") == "A-2.jpg"


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no journal"):
        Journal(tmp_path, create=False)
    (tmp_path / JOURNAL).write_bytes(b"a photo, perhaps" * 100)
    for create in (True, False):
        with pytest.raises(UsageError, match="is no journal, or damaged"):
            Journal(tmp_path, create)
    assert (tmp_path / JOURNAL).read_bytes() == b"a photo, perhaps" * 100
    (tmp_path / JOURNAL).unlink()
    other = sqlite3.connect(tmp_path / JOURNAL)
    other.execute("CREATE TABLE photos (x)")
    other.close()
    for create in (True, False):
        with pytest.raises(UsageError, match="is not a journal of this camofilter"):
            Journal(tmp_path, create)


def test_an_empty_file_is_begun_but_not_read(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).touch()
    with pytest.raises(UsageError):
        Journal(tmp_path, create=False)
    assert Journal(tmp_path).counts() == {}


def test_a_damaged_journal_is_told_in_one_line(journal: Journal, tmp_path: Path) -> None:
    with journal.transaction():
        add(journal, *(f"{number}.png" for number in range(500)))
    journal.close()
    data = bytearray((tmp_path / JOURNAL).read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    (tmp_path / JOURNAL).write_bytes(data)
    with pytest.raises(UsageError, match="is no journal, or damaged") as refused:
        list(Journal(tmp_path).rows())
    assert "\n" not in str(refused.value)


def test_who_only_reads_sees_what_was_before_a_process_was_killed(journal: Journal, tmp_path: Path) -> None:
    add(journal, "a.png")
    journal.close()
    child = os.fork()
    if not child:
        try:
            db = sqlite3.connect(tmp_path / JOURNAL, isolation_level=None)
            db.execute("PRAGMA cache_size = 1")  # so that pages are written before the end
            db.execute("BEGIN IMMEDIATE")
            db.execute("UPDATE photos SET state = 'done'")
            db.execute("CREATE TABLE much (x)")
            for _ in range(500):
                db.execute("INSERT INTO much VALUES (?)", ("x" * 1000,))
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    os.waitpid(child, 0)
    assert (tmp_path / f"{JOURNAL}-journal").stat().st_size > 0
    assert Journal(tmp_path, create=False).counts() == {"waiting": 1}


def test_reading_and_writing_at_the_same_time(journal: Journal, tmp_path: Path) -> None:
    add(journal, "a.png")
    with journal.transaction():
        journal.failed("a.png", "no", None)
        reader = Journal(tmp_path, create=False)
        assert reader.counts() == {"waiting": 1}
    assert reader.counts() == {"failed": 1}
    reader.close()


def test_what_goes_wrong_while_writing_is_told_in_one_line(journal: Journal) -> None:
    add(journal, "a.png")
    journal._db.execute("PRAGMA max_page_count = 1")  # a full disk
    with pytest.raises(BatchError, match=r"camofilter.sqlite: database or disk is full; what is done is kept"):
        journal.failed("a.png", "x" * 100_000, None)
    with pytest.raises(BatchError, match="full"), journal.transaction():
        journal.failed("a.png", "x" * 100_000, None)
    assert journal.counts() == {"waiting": 1}
