"""Scratch files have one place: what a killed process left goes, what a living one has stays."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from madang import scratch

WORK = """
import sys
from pathlib import Path
from madang import scratch
with scratch.folder(Path(sys.argv[1])) as folder:
    (folder / "rows.csv").write_text("k1@mail.example\\n")
    print(folder, flush=True)
    sys.stdin.readline()
    print((folder / "rows.csv").exists(), flush=True)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


def at_work(root: Path) -> tuple[subprocess.Popen, Path]:
    """Start another process that has rows in a scratch folder."""
    command = [sys.executable, "-c", WORK, str(root)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_what_a_killed_process_left_is_gone_when_the_next_one_begins(root: Path) -> None:
    process, left = at_work(root)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=20)
    assert (left / "rows.csv").exists()
    with scratch.folder(root) as mine:
        assert not left.exists() and not left.parent.exists()
        assert mine.is_dir()
    assert not mine.exists()


def test_a_living_process_keeps_its_rows(root: Path) -> None:
    process, theirs = at_work(root)
    with scratch.folder(root):
        assert scratch.sweep(root) == 0
        assert scratch.living(root) == [theirs.parent]
    told, _ = process.communicate("\n", timeout=20)
    assert told == "True\n"
    assert scratch.living(root) == []
    assert not theirs.parent.exists()  # it ended well and took its part with it


def test_a_process_id_that_was_given_again_does_not_keep_rows(root: Path) -> None:
    """The part is named after this process, which lives, and nobody holds its lock."""
    left = root / f"madang-{os.getpid()}-abc"
    left.mkdir(parents=True)
    (left / "lock").touch()
    (left / "rows.csv").touch()
    assert scratch.sweep(root) == 1
    assert not left.exists()


def test_a_named_part_has_one_path_in_all_processes_but_those_at_work_at_once(root: Path) -> None:
    """dbt is told the path, and parses the whole project anew where it is another one."""
    hold = "import sys; from pathlib import Path; from madang import scratch; "
    hold += "print(scratch.part(Path(sys.argv[1]), 'dbt'), flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", hold, str(root)]
    paths = []
    for end in ("kill", "end"):
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        paths.append(Path(process.stdout.readline().strip()))
        if end == "kill":
            process.kill()
        else:  # it is at work: this process gets a part of its own
            assert scratch.part(root, "dbt") not in paths
            assert set(scratch.living(root)) == {paths[-1]}
        process.communicate(timeout=20)
    assert len(set(paths)) == 1 and not paths[0].exists()


def test_what_is_no_scratch_stays(root: Path) -> None:
    (root / "photos").mkdir(parents=True)
    (root / "madang-notes.txt").touch()
    assert scratch.sweep(root) == 0
    assert (root / "photos").is_dir() and (root / "madang-notes.txt").exists()


def test_a_child_that_was_forked_leaves_what_is_its_parents(root: Path) -> None:
    with scratch.folder(root) as mine:
        (mine / "rows.csv").touch()
        child = os.fork()
        if not child:
            with scratch.folder(root) as own:
                same = own.parent == mine.parent
            scratch._leave()
            os._exit(1 if same else 0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert (mine / "rows.csv").exists()


def test_scratch_is_its_owners_alone_whatever_the_umask(root: Path) -> None:
    before = os.umask(0o022)
    try:
        with scratch.folder(root) as folder:
            modes = [one.stat().st_mode & 0o777 for one in (root, folder.parent, folder)]
            locks = [one.stat().st_mode & 0o777 for one in (root / "lock", folder.parent / "lock")]
    finally:
        os.umask(before)
    assert modes == [0o700] * 3
    assert locks == [0o600] * 2


def test_libraries_put_their_temporary_files_there_too(root: Path) -> None:
    before = tempfile.gettempdir()
    with scratch.for_libraries(root), tempfile.NamedTemporaryFile() as file:
        assert Path(file.name).is_relative_to(scratch.part(root))
    assert tempfile.gettempdir() == before


def test_a_database_in_memory_spills_into_its_scratch_folder(root: Path) -> None:
    with scratch.folder(root) as folder, scratch.database(folder, threads=1) as connection:
        told = connection.execute("select current_setting('temp_directory')").fetchall()
    assert told == [(str(folder),)]


def test_a_place_that_cannot_be_written_is_told_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(scratch.ScratchError) as caught, scratch.folder(tmp_path / "file"):
        pass
    assert "paths.scratch" in (caught.value.fix or "")
