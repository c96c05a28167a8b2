"""Tables of colours in files: what is read, what is refused and in which words; the same as colour-science reads."""

from __future__ import annotations

import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tables import lattice, random_cube, small_cube

from camofilter import filters
from camofilter.errors import UsageError
from camofilter.filters.cube import UNIT, Cube, CubeError, read_cube, read_lut, write_cube

with warnings.catch_warnings(), np.printoptions():  # it changes how numpy prints
    warnings.simplefilter("ignore")  # it misses packages that are of no use here
    import colour

lut = filters.get("lut")
ROWS_2 = "0 0 0\n1 0 0\n0 1 0\n1 1 0\n0 0 1\n1 0 1\n0 1 1\n1 1 1\n"
IDENTITY_2 = f"LUT_3D_SIZE 2\n{ROWS_2}"
PIECES = [
    *("LUT_3D_SIZE", "LUT_1D_SIZE", "DOMAIN_MIN", "DOMAIN_MAX", "LUT_3D_INPUT_RANGE", "TITLE", "#", '"'),
    *("2", "0", "1", "-1", "0.5", "1e-3", "9e9", "nan", "inf", "1_0", "٣", ".", "-"),
    *(" ", "\n", "\r", "\t", "\v", "\x1c", "\x85", "\u2028", "\ufeff", ROWS_2, IDENTITY_2),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "film.cube"


def read(file: Path, text: str | bytes) -> Cube:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_cube(file)


def refused(file: Path, text: str | bytes) -> str:
    """The one line with which a file is refused, without its name."""
    with pytest.raises(CubeError) as caught:
        read(file, text)
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert message.isprintable()
    assert len(message) < len(str(file)) + 250
    assert caught.value.exit_code == 2
    return message.removeprefix(f"{file}: ")


class TestReading:
    def test_red_changes_fastest(self, file: Path) -> None:
        cube = read(file, IDENTITY_2)
        np.testing.assert_array_equal(cube.table, lattice(2))
        assert (cube.curves, cube.table_domain, cube.title, cube.path) == (None, UNIT, None, file)

    def test_curves(self, file: Path) -> None:
        cube = read(file, "LUT_1D_SIZE 3\n0 0.1 0.2\n.5 5e-1 +.5\n1. 2 -3\n")
        np.testing.assert_array_equal(cube.curves, np.float32([[0, 0.1, 0.2], [0.5, 0.5, 0.5], [1, 2, -3]]))
        assert cube.table is None

    def test_curves_before_a_table_as_resolve_writes_them(self, file: Path) -> None:
        header = "LUT_1D_SIZE 2\nLUT_1D_INPUT_RANGE -0.5 2\nLUT_3D_SIZE 2\nLUT_3D_INPUT_RANGE 0.0 4.0\n"
        cube = read(file, f"{header}0 0 0\n4 4 4\n{ROWS_2}")
        np.testing.assert_array_equal(cube.curves, [[0, 0, 0], [4, 4, 4]])
        np.testing.assert_array_equal(cube.table, lattice(2))
        assert cube.curves_domain == ((-0.5,) * 3, (2,) * 3)
        assert cube.table_domain == ((0,) * 3, (4,) * 3)

    def test_domain_by_channel_is_of_what_comes_first(self, file: Path) -> None:
        header = "DOMAIN_MAX 1 2 3\nDOMAIN_MIN -1 0 0\n"
        domain = ((-1, 0, 0), (1, 2, 3))
        assert read(file, header + IDENTITY_2).table_domain == domain
        both = read(file, f"{header}LUT_1D_SIZE 2\n{IDENTITY_2}0 0 0\n1 1 1\n")
        assert (both.curves_domain, both.table_domain) == (domain, UNIT)

    # Black and white of video range are 64 and 940 of 1023: what means full-range 0 and 1.
    @pytest.mark.parametrize("before", ["", "LUT_1D_SIZE 2\n"], ids=["table", "curves before it"])
    @pytest.mark.parametrize(
        ("keywords", "grey"),
        [
            (("LUT_IN_VIDEO_RANGE", "LUT_OUT_VIDEO_RANGE"), 0.5),
            (("lut_in_video_range",), (64 + 876 * 0.5) / 1023),
            (("LUT_OUT_VIDEO_RANGE",), (0.5 * 1023 - 64) / 876),
        ],
        ids=["both", "in", "out"],
    )
    def test_video_range(self, keywords: tuple[str, ...], grey: float, before: str, file: Path) -> None:
        rows = "0 0 0\n1 1 1\n" if before else ""
        cube = read(file, "\n".join((*keywords, before + f"LUT_3D_SIZE 2\n{rows}{ROWS_2}")))
        out = lut(np.full((1, 3, 1, 1), 0.5), 1.0, cube)
        np.testing.assert_allclose(out, grey, atol=1e-6)
        write_cube(cube, file, force=True)
        np.testing.assert_allclose(lut(np.full((1, 3, 1, 1), 0.5), 1.0, read_cube(file)), grey, atol=1e-6)

    def test_video_range_that_failed(self, shared: Path) -> None:
        found = shared / "cases" / "cube" / "resolve-video-range.cube"
        if not found.exists():
            pytest.skip("no tables in ../shared/cases")
        # Its rows are 1 − red, green / 2 and blue, of values in video range.
        image = np.random.default_rng(0).random((1, 3, 4, 5))
        video = (64 + 876 * image) / 1023
        made = np.stack([1 - video[:, 0], video[:, 1] / 2, video[:, 2]], 1)
        expected = np.clip((made * 1023 - 64) / 876, 0, 1)
        np.testing.assert_allclose(lut(image, 1.0, read_cube(found)), expected, atol=1e-5)

    @pytest.mark.parametrize(
        "text",
        [
            IDENTITY_2.replace("\n", "\r\n"),
            IDENTITY_2.replace("\n", "\r"),
            IDENTITY_2.rstrip("\n"),
            "\ufeff" + IDENTITY_2,
            IDENTITY_2.replace(" ", "\t"),
            IDENTITY_2.replace("\n", "  \t\n"),
            "\n\n" + IDENTITY_2.replace("\n", "\n\n") + "\n\n \n",
            "# made by hand\n" + IDENTITY_2.replace("\n", " # and so on\n#\n") + "# end",
            IDENTITY_2.lower(),
            "  " + IDENTITY_2.replace("\n", "\n  "),
            "LUT_3D_INPUT_RANGE 0.0 1.0\nDOMAIN_MIN 0 0 0\nDOMAIN_MAX 1.0 1 1e0\n" + IDENTITY_2,
        ],
        ids=["crlf", "cr", "no end", "mark", "tabs", "trailing", "blank", "comments", "small", "indented", "agreeing"],
    )
    def test_same_table_written_otherwise(self, file: Path, text: str) -> None:
        assert read(file, text) == read(file, IDENTITY_2)

    @pytest.mark.parametrize(
        ("line", "title"),
        [
            (b'TITLE "Kodak #1"', "Kodak #1"),
            (b"title Kodak 400 ", "Kodak 400"),
            (b'TITLE\t"a  b" # the best', "a  b"),
            (b'TITLE "Fr\xe9d\xe9ric"', "Frédéric"),
            ('TITLE "Frédéric ☀"'.encode(), "Frédéric ☀"),
            (b'TITLE "unclosed', "unclosed"),
            (b'TITLE ""', ""),
            (b"TITLE", ""),
        ],
    )
    def test_titles(self, file: Path, line: bytes, title: str) -> None:
        assert read(file, line + b"\n" + IDENTITY_2.encode()).title == title

    def test_path_is_from_the_root(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file.write_text(IDENTITY_2)
        monkeypatch.chdir(file.parent)
        assert read_lut("film.cube").path == file
        assert read_lut("film.cube").name == "film"

    @pytest.mark.slow
    def test_largest_in_a_few_seconds(self, file: Path) -> None:
        rows = "".join(f"{i / 129:.6f} 0.125000 0.750000\n" for i in range(129))
        file.write_text("LUT_3D_SIZE 129\n" + rows * 129**2)
        start = time.process_time()
        cube = read_cube(file)
        assert time.process_time() - start < 10
        assert cube.table is not None
        np.testing.assert_allclose(cube.table[:, 5, 7, 0], np.arange(129) / 129, atol=1e-6)


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "is empty: expected a .cube file"),
            ("\n# nothing\n", "line 3: neither LUT_1D_SIZE nor LUT_3D_SIZE so far"),
            (ROWS_2, "line 1: neither LUT_1D_SIZE nor LUT_3D_SIZE so far: expected a .cube file"),
            ("LUT_3D_SIZE 1\n", "line 1: LUT_3D_SIZE is 1: expected a whole number from 2 to 129"),
            ("LUT_3D_SIZE 130\n", "line 1: LUT_3D_SIZE is 130: expected a whole number from 2 to 129"),
            ("LUT_3D_SIZE 2.5\n", "line 1: LUT_3D_SIZE is 2.5: expected a whole number"),
            ("LUT_3D_SIZE 1e999\n", "line 1: LUT_3D_SIZE is inf: expected"),
            ("LUT_3D_SIZE -2\n", "line 1: LUT_3D_SIZE is -2: expected"),
            ("LUT_3D_SIZE two\n", "line 1: LUT_3D_SIZE is 'two': expected a number"),
            ("LUT_3D_SIZE\n", "line 1: LUT_3D_SIZE is '': expected a number"),
            ("LUT_3D_SIZE 2 2\n", "line 1: LUT_3D_SIZE is '2 2': expected a number"),
            ("LUT_1D_SIZE 65537\n", "line 1: LUT_1D_SIZE is 65537: expected a whole number from 2 to 65536"),
            ("\nLUT_3D_SIZE 2\nLUT_3D_SIZE 3\n", "line 3: a second LUT_3D_SIZE, after that of line 2"),
            ("LUT_3D_SIZE 9\n" + ROWS_2, "line 1: LUT_3D_SIZE 9 means 729 rows of numbers, but 8 follow"),
            (IDENTITY_2 + "1 1 1\n", "line 1: LUT_3D_SIZE 2 means 8 rows of numbers, but 9 follow"),
            ("LUT_1D_SIZE 4\n" + IDENTITY_2, "line 2: LUT_1D_SIZE 4 with LUT_3D_SIZE 2 means 12 rows"),
            (IDENTITY_2.replace("0 1 0", "0 1"), "line 4: has 2 numbers: expected 3, red green blue"),
            (IDENTITY_2.replace("0 1 0", "0 1 0 1"), "line 4: has 4 numbers: expected 3, red green blue"),
            (IDENTITY_2 + "1", "line 10: has 1 number: expected 3"),
            (IDENTITY_2.replace("1 1 0", "1 nan 0"), "line 5: 'nan' is not a number from -65504 to 65504"),
            (IDENTITY_2.replace("0 0 0", "nan 0 0"), "line 2: 'nan' is not a number"),
            (IDENTITY_2.replace("0 0 0", "-inf 0 0"), "line 2: '-inf' is not a number"),
            (IDENTITY_2.replace("0 0 0", "1e39 0 0"), "line 2: '1e39' is not a number"),
            (IDENTITY_2.replace("0 0 0", "0,1 0 0"), "line 2: '0,1' is not a number"),
            (IDENTITY_2.replace("0 0 0", "1.5.2 0"), "line 2: '1.5.2' is not a number"),
            (IDENTITY_2.replace("0 0 0", "0x1 0 0"), "line 2: '0x1' is not a number"),
            (IDENTITY_2.replace("1 1 0", "TITLE x"), "line 5: TITLE after the first row: expected all keywords before"),
            ("LUT_3D_SIZ 2\n", "line 1: unknown keyword 'LUT_3D_SIZ': did you mean LUT_3D_SIZE"),
            ("BRIGHT 2\n", "line 1: unknown keyword 'BRIGHT': known are: TITLE, LUT_1D_SIZE"),
            ("DOMAIN_MIN 0 0\n", "line 1: DOMAIN_MIN is '0 0': expected 3 numbers"),
            ("LUT_IN_VIDEO_RANGE 1\n", "line 1: LUT_IN_VIDEO_RANGE is '1': expected nothing behind it"),
            ("LUT_3D_INPUT_RANGE 0\n", "line 1: LUT_3D_INPUT_RANGE is '0': expected 2 numbers"),
            ("DOMAIN_MAX 1 0 1\n" + IDENTITY_2, "line 1: DOMAIN_MIN to DOMAIN_MAX is from 0.0 0.0 0.0 to 1.0 0.0 1.0"),
            ("DOMAIN_MIN 0 0 1\n" + IDENTITY_2, "line 1: DOMAIN_MIN to DOMAIN_MAX is from 0.0 0.0 1.0 to"),
            ("DOMAIN_MIN 0 0 nan\n" + IDENTITY_2, "line 1: DOMAIN_MIN is '0 0 nan': expected 3 numbers"),
            ("LUT_3D_INPUT_RANGE 1 0\n" + IDENTITY_2, "line 1: LUT_3D_INPUT_RANGE is from 1.0 1.0 1.0 to 0.0"),
            (
                "DOMAIN_MAX 2 2 2\nLUT_3D_INPUT_RANGE 0 1\n" + IDENTITY_2,
                "line 2: LUT_3D_INPUT_RANGE contradicts DOMAIN_MIN and DOMAIN_MAX",
            ),
            ("\0" + IDENTITY_2, "is not plain text: expected a .cube file"),
            (IDENTITY_2.encode("utf-16"), "is not plain text"),
            (b"\xff\xd8\xff\xe0JFIF", "line 1: unknown keyword "),
            ("#" + "x" * 70_000, "line 1: is longer than 65,536 characters"),
            (IDENTITY_2 + "0 " * 2_000_000, "line 10: is longer than 65,536 characters"),
            ("\n" * 2_000_000 + IDENTITY_2, "has no row of numbers in its first 1,048,576 bytes"),
        ],
        ids=lambda value: str(value[:24]),
    )
    def test_in_one_line_that_names_the_line(self, file: Path, text: str | bytes, message: str) -> None:
        assert refused(file, text).startswith(message)

    def test_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(CubeError, match=r"none\.cube: cannot read the table: No such file"):
            read_lut(tmp_path / "none.cube")
        with pytest.raises(CubeError, match=r"is a folder: expected a \.cube file"):
            read_lut(tmp_path)
        with pytest.raises(CubeError, match="not a file name"):
            read_lut("a\0b.cube")

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
    def test_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.cube")
        with pytest.raises(CubeError, match="is not an ordinary file"):
            read_lut(tmp_path / "pipe.cube")

    def test_huge_file_is_refused_unread(self, file: Path) -> None:
        with file.open("wb") as opened:
            opened.truncate(50_000_000_000)  # sparse: takes no room
        with pytest.raises(CubeError, match=r"has 50,000,000,000 bytes: expected a \.cube file of at most"):
            read_lut(file)

    def test_name_with_line_break_stays_one_line(self, tmp_path: Path) -> None:
        with pytest.raises(CubeError) as caught:
            read_cube(tmp_path / "a\nb.cube")
        assert "a?b.cube" in str(caught.value)

    @given(st.binary(max_size=200))
    def test_any_bytes(self, tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
        self.table_or_one_line(tmp_path_factory.getbasetemp() / "any.cube", data)

    @given(
        st.lists(
            st.sampled_from(PIECES) | st.text(max_size=3),
            max_size=40,
        )
    )
    def test_any_pieces(self, tmp_path_factory: pytest.TempPathFactory, pieces: list[str]) -> None:
        data = " ".join(pieces).encode("utf-8", "surrogatepass")
        self.table_or_one_line(tmp_path_factory.getbasetemp() / "any.cube", data)

    @given(st.integers(0, len(IDENTITY_2)), st.integers(0, 255), st.booleans())
    def test_any_change_of_a_letter(
        self, tmp_path_factory: pytest.TempPathFactory, at: int, letter: int, cut: bool
    ) -> None:
        data = IDENTITY_2.encode()
        data = data[:at] + bytes([letter]) + (b"" if cut else data[at + 1 :])
        self.table_or_one_line(tmp_path_factory.getbasetemp() / "any.cube", data)

    @staticmethod
    def table_or_one_line(file: Path, data: bytes) -> None:
        file.write_bytes(data)
        try:
            cube = read_lut(file)
        except CubeError as error:
            message = str(error)
        else:
            message = ""
            assert all(np.isfinite(values).all() for values in (cube.table, cube.curves) if values is not None)
        assert len(message) < 400
        assert message == "" or message.isprintable()


class TestWriting:
    @pytest.mark.parametrize(
        "cube",
        [
            random_cube(2),
            random_cube(17, low=-3, high=60_000),
            Cube(curves=random_cube(5).table[0, 0] * 1e-30, title="Tiny"),
            Cube(random_cube(3).table, table_domain=((-1, 0, 0.1), (1, 2, 3)), title="Domäne"),
            small_cube(),
            Cube(lattice(3), lattice(2)[0, 0], UNIT, ((0, -1, 0), (4, 2, 1))),
            Cube(lattice(3), lattice(2)[0, 0], ((-1.0,) * 3, (1.5,) * 3)),
        ],
        ids=["small", "wild", "curves", "domain", "both", "both, domain before", "both, domain between"],
    )
    def test_round_trip_is_exact(self, file: Path, cube: Cube) -> None:
        write_cube(cube, file)
        back = read_cube(file)
        assert back == cube
        assert hash(back) == hash(cube)
        assert back.title == cube.title

    def test_digits_do_not_depend_on_how_numpy_prints(self, file: Path) -> None:
        with np.printoptions(precision=2, legacy="1.13"):
            write_cube(random_cube(3), file)
        assert read_cube(file) == random_cube(3)

    def test_title_cannot_break_the_file(self, file: Path) -> None:
        write_cube(Cube(lattice(2), title='a "b"\nLUT_1D_SIZE 2\r#'), file)
        assert read_cube(file).title == "a bLUT_1D_SIZE 2#"

    def test_whole_or_not_at_all(self, file: Path) -> None:
        file.write_text("mine")
        with pytest.raises(CubeError, match=r"film\.cube: exists already; replace it with --force"):
            write_cube(random_cube(2), file)
        with pytest.raises(CubeError, match="cannot write the table: No such file"):
            write_cube(random_cube(2), file.parent / "none" / "x.cube")
        mixed = Cube(lattice(2), lattice(2)[0, 0], ((0, 0, 0), (1, 1, 2)))
        with pytest.raises(CubeError, match="differs by channel"):
            write_cube(mixed, file, force=True)
        assert file.read_text() == "mine"
        write_cube(random_cube(2), file, force=True)
        assert os.listdir(file.parent) == ["film.cube"]
        assert read_cube(file) == random_cube(2)


class TestCube:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({}, "neither a table nor curves"),
            ({"table": np.zeros((2, 2, 2))}, r"shape \(2, 2, 2\): expected n × n × n × 3, n 2 to 129"),
            ({"table": np.zeros((2, 2, 3, 3))}, "expected n × n × n × 3"),
            ({"table": np.zeros((1, 1, 1, 3))}, "n 2 to 129"),
            ({"table": 1.0}, r"shape \(\)"),
            ({"curves": np.zeros((1, 3))}, "expected n × 3, n 2 to 65536"),
            ({"curves": [[0, 0, np.nan], [1, 1, 1]]}, "not numbers from -65504 to 65504"),
            ({"table": lattice(2), "table_domain": ((0, 0, 0), (1, 1, 0))}, "domain of the table is from"),
        ],
    )
    def test_wrong_arrays_are_refused(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(CubeError, match=message):
            Cube(**arguments)
        assert issubclass(CubeError, UsageError)

    def test_cannot_be_changed(self) -> None:
        table = lattice(2)
        cube = Cube(table)
        table[0] = 0.5
        assert cube == Cube(lattice(2))
        with pytest.raises(ValueError, match="read-only"):
            cube.table[0] = 0.5

    def test_equal_is_what_maps_alike(self) -> None:
        cube = Cube(lattice(3), title="a", path=Path("/a.cube"))
        assert {cube, Cube(lattice(3))} == {cube}
        others = [Cube(lattice(2)), Cube(lattice(3) * 0.9), Cube(lattice(3), lattice(2)[0, 0]), small_cube(), None]
        others.append(Cube(lattice(3), table_domain=((0, 0, 0), (1, 1, 2))))
        assert all(cube != other for other in others)

    def test_name(self) -> None:
        assert Cube(lattice(2), title="My\n film", path=Path("/x/Film 2.cube")).name == "Film 2"
        assert Cube(lattice(2), title="My\n film").name == "My film"
        assert Cube(lattice(2)).name == "unnamed"


class TestAgainstColourScience:
    def test_it_reads_what_is_written(self, file: Path) -> None:
        cube = Cube(random_cube(9).table, table_domain=((-0.1, 0, 0), (1, 1.2, 1)), title="My film")
        write_cube(cube, file)
        read_by_colour = colour.read_LUT(str(file))
        np.testing.assert_allclose(read_by_colour.table, cube.table, atol=1e-7)
        np.testing.assert_allclose(read_by_colour.domain, cube.table_domain)
        assert read_by_colour.name == "My film"

    def test_it_reads_curves(self, file: Path) -> None:
        cube = Cube(curves=np.random.default_rng(0).random((50, 3)))
        write_cube(cube, file)
        np.testing.assert_allclose(colour.read_LUT(str(file)).table, cube.curves, atol=1e-7)

    def test_it_reads_curves_before_a_table(self, file: Path) -> None:
        cube = Cube(random_cube(4).table, random_cube(5).table[0, 0], ((-1.0,) * 3, (2.0,) * 3))
        write_cube(cube, file)
        curves, table = colour.io.read_LUT_ResolveCube(str(file))
        np.testing.assert_allclose(curves.table, cube.curves, atol=1e-7)
        np.testing.assert_allclose(table.table, cube.table, atol=1e-7)
        np.testing.assert_allclose(table.domain, cube.table_domain)

    def test_what_it_writes_is_read(self, file: Path) -> None:
        table = random_cube(7).table
        domain = np.array([[-0.5, 0, 0], [1, 1, 2]])
        colour.write_LUT(colour.LUT3D(table, "Theirs", domain, comments=["a comment"]), str(file), decimals=9)
        cube = read_cube(file)
        np.testing.assert_allclose(cube.table, table, atol=1e-7)
        np.testing.assert_allclose(cube.table_domain, domain)
        assert cube.title == "Theirs"

    def test_what_it_writes_as_resolve_does_is_read(self, file: Path) -> None:
        curves, table = np.random.default_rng(1).random((6, 3)), random_cube(3).table
        both = colour.LUTSequence(colour.LUT3x1D(curves), colour.LUT3D(table))
        colour.io.write_LUT_ResolveCube(both, str(file), decimals=9)
        cube = read_cube(file)
        np.testing.assert_allclose(cube.curves, curves, atol=1e-7)
        np.testing.assert_allclose(cube.table, table, atol=1e-7)

    def test_film_simulations(self, shared: Path) -> None:
        files = sorted((shared / "luts").glob("*.cube"))
        if not files:
            pytest.skip("no tables in ../shared/luts")
        for film in files:
            cube = read_cube(film)
            theirs = colour.read_LUT(str(film))
            np.testing.assert_allclose(cube.table, theirs.table, atol=1e-7)
            assert cube.title == theirs.name


def hald_pixels(cube: Cube, bits: int) -> np.ndarray:
    """The picture of a table: red changes fastest, then green, then blue."""
    assert cube.table is not None
    side = round(len(cube.table) ** 1.5)
    levels = np.rint(cube.table.transpose(2, 1, 0, 3).reshape(side, side, 3) * (2**bits - 1))
    return levels.astype(f"uint{bits}")


def write_hald(path: Path, pixels: np.ndarray) -> None:
    import imagecodecs
    import tifffile

    if path.suffix == ".png":
        path.write_bytes(imagecodecs.png_encode(pixels))
    else:
        tifffile.imwrite(path, pixels, photometric="rgb", compression="zlib")


class TestHald:
    @pytest.mark.parametrize("suffix", [".png", ".tif"])
    @pytest.mark.parametrize("bits", [8, 16])
    @pytest.mark.parametrize("level", [2, 3, 8, 11])
    def test_is_the_table_in_it(self, tmp_path: Path, level: int, bits: int, suffix: str) -> None:
        cube = random_cube(level**2)
        file = tmp_path / f"film{suffix}"
        write_hald(file, hald_pixels(cube, bits))
        read = read_lut(file)
        np.testing.assert_allclose(read.table, cube.table, atol=0.51 / (2**bits - 1))
        assert (read.path, read.curves) == (file, None)

    def test_is_told_by_its_content(self, tmp_path: Path) -> None:
        write_hald(tmp_path / "film.png", hald_pixels(random_cube(4), 8))
        os.rename(tmp_path / "film.png", tmp_path / "film.cube")
        assert read_lut(tmp_path / "film.cube").table is not None

    @pytest.mark.parametrize("size", [(8, 27), (9, 9), (1, 1), (512, 511), (1000, 1330)])
    def test_other_pictures_are_refused(self, tmp_path: Path, size: tuple[int, int]) -> None:
        write_hald(tmp_path / "film.png", np.zeros((*size, 3), np.uint8))
        with pytest.raises(CubeError, match=rf"film\.png: has {size[1]} × {size[0]} pixels, not those of a Hald"):
            read_lut(tmp_path / "film.png")

    def test_large_photo_is_refused_from_its_header(self, tmp_path: Path) -> None:
        write_hald(tmp_path / "film.png", np.zeros((1728, 1728, 3), np.uint8))
        with pytest.raises(CubeError, match=r"1728 × 1728 .* not a Hald image: expected 8, 27, 64 ... or 1331 a side"):
            read_lut(tmp_path / "film.png")

    def test_damaged_picture_is_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "film.png"
        write_hald(file, hald_pixels(random_cube(16), 8))
        file.write_bytes(file.read_bytes()[:2000])
        with pytest.raises(CubeError, match=r"film\.png: damaged or cut-off PNG file .* not a Hald image"):
            read_lut(file)

    def test_colour_profile_must_not_change_it(self, tmp_path: Path) -> None:
        from camofilter.photo.colour import srgb_profile

        file = tmp_path / "film.png"
        pixels = hald_pixels(random_cube(4), 8)
        Image.fromarray(pixels).save(file, icc_profile=srgb_profile())
        np.testing.assert_array_equal(hald_pixels(read_lut(file), 8), pixels)
        swapped = srgb_profile().replace(b"rXYZ", b"tXYZ").replace(b"gXYZ", b"rXYZ").replace(b"tXYZ", b"gXYZ")
        Image.fromarray(pixels).save(file, icc_profile=swapped)
        with pytest.raises(CubeError, match="another colour profile than sRGB: save it without one"):
            read_lut(file)


def test_needs_no_torch() -> None:
    import subprocess

    code = "import sys; import camofilter.filters.cube, camofilter.filters.lut; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
