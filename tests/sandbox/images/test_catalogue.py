"""The language catalogue: validation of the files, and the commands of the phases."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from app.core.limits import MIB
from app.sandbox.images.catalogue import CatalogueError, Language, Packages, default_set, load_languages

CATALOGUE = Path(__file__).parents[3] / "languages"
MEMORY = 512 * MIB
DEFAULT_SET = {"python", "javascript", "typescript", "bash", "c", "cpp"}

VALID = """
id = "toy"
name = "Toy"
file_name = "main.toy"
run = ["toy", "{entrypoint}"]
[packages]
debian = ["toy"]
[version_probe]
command = ["toy", "--version"]
pattern = 'toy (\\S+)'
[hello]
source = "say hello"
output = "hello"
[programs]
echo = "say the input"
runtime_error = "say no"
time_limit = "repeat"
memory_limit = "hold"
"""


@pytest.fixture(scope="module")
def languages() -> dict[str, Language]:
    return load_languages(CATALOGUE)


def write(folder: Path, text: str, name: str = "toy.toml") -> Path:
    (folder / name).write_text(text)
    return folder


def test_catalogue_contains_the_default_set_and_more(languages: dict[str, Language]) -> None:
    assert set(default_set(languages)) == DEFAULT_SET
    assert len(languages) >= len(DEFAULT_SET) + 24


def test_file_suffix_names_a_language_when_several_share_it(languages: dict[str, Language]) -> None:
    by_suffix: dict[str, list[Language]] = {}
    for language in languages.values():
        if language.version_of is None:
            by_suffix.setdefault(Path(language.file_name).suffix.removeprefix(".").lower(), []).append(language)

    named = {
        suffix: [language.id for language in sharing if suffix in (language.id, *language.aliases)]
        for suffix, sharing in by_suffix.items()
        if len(sharing) > 1
    }

    assert all(len(ids) == 1 for ids in named.values()), named


def test_judge0_ids_map_to_languages(languages: dict[str, Language]) -> None:
    ids = {number: language.id for language in languages.values() for number in language.compat.judge0}

    assert ids.items() >= {71: "python", 63: "javascript", 74: "typescript", 46: "bash", 50: "c", 54: "cpp"}.items()
    assert ids.items() >= {51: "csharp", 60: "go", 62: "java", 73: "rust", 82: "sqlite"}.items()


def test_interpreted_language_has_only_a_run_phase(languages: dict[str, Language]) -> None:
    python = languages["python"]

    assert python.phases == ("run",)
    assert python.command("run", "app/start.py", ["app/start.py", "lib.py"], MEMORY) == ("python3", "app/start.py")
    with pytest.raises(ValueError, match="python has no compile phase"):
        python.command("compile", "main.py", ["main.py"], MEMORY)


def test_compile_command_contains_all_sources_and_no_other_file(languages: dict[str, Language]) -> None:
    files = ["z.c", "table.txt", "lib/a.c", "main.c", "a.h"]

    command = languages["c"].command("compile", "main.c", files, MEMORY)

    assert languages["c"].phases == ("compile", "run")
    assert [argument for argument in command if argument in files] == ["main.c", "lib/a.c", "z.c"]


def test_compile_command_contains_the_entrypoint_with_any_name(languages: dict[str, Language]) -> None:
    assert "program.txt" in languages["cpp"].command("compile", "program.txt", ["program.txt"], MEMORY)


@pytest.mark.parametrize("phase", ["compile", "run"])
def test_command_never_contains_a_file_name_as_an_option(languages: dict[str, Language], phase: str) -> None:
    language = languages["c"] if phase == "compile" else languages["python"]

    command = language.command(phase, "-rf", ["-rf", "-o.c"], MEMORY)  # type: ignore[arg-type]

    assert "./-rf" in command
    assert not {"-rf", "-o.c"} & set(command)


@pytest.mark.parametrize(
    ("entrypoint", "runs"), [("main.ts", "main.js"), ("app/start.ts", "app/start.js"), ("-x.ts", "./-x.js")]
)
def test_run_command_replaces_stem_with_the_path_of_the_entrypoint(
    languages: dict[str, Language], entrypoint: str, runs: str
) -> None:
    command = languages["typescript"].command("run", entrypoint, [entrypoint], MEMORY)

    assert (command[0], command[-1]) == ("node", runs)


def test_compile_command_inserts_options_at_their_placeholder(languages: dict[str, Language]) -> None:
    command = languages["c"].command("compile", "main.c", ["main.c"], MEMORY, ["-std=c99", "-DA=b c"])
    assert command[-4:] == ("-std=c99", "-DA=b c", "main.c", "-lm")

    command = languages["nasm"].command("compile", "main.asm", ["main.asm"], MEMORY, ["-O0"])
    assert "-O0" not in command


@pytest.mark.parametrize(
    ("memory_bytes", "percent", "expected"),
    [(512 * MIB, 75, "384"), (16 * MIB, 75, "12"), (1 * MIB, 10, "1"), (2048 * MIB, 100, "2048")],
)
def test_heap_is_a_share_of_the_memory_of_the_phase(
    tmp_path: Path, memory_bytes: int, percent: int, expected: str
) -> None:
    text = VALID.replace('"toy", "{entrypoint}"', '"toy", "-Xmx{heap_mib}m", "{entrypoint}"')
    text += f"[env]\nTOY_HEAP = '{{heap_mib}}'\n[heap]\nexhausted = 'no memory'\npercent = {percent}\n"

    toy = load_languages(write(tmp_path, text))["toy"]

    assert toy.command("run", "main.toy", ["main.toy"], memory_bytes) == ("toy", f"-Xmx{expected}m", "main.toy")
    assert toy.environment(memory_bytes) == {"TOY_HEAP": expected}


def test_info_contains_the_fields_of_the_api(languages: dict[str, Language]) -> None:
    info = languages["cpp"].info("12.2.0")

    assert (info.id, info.name, info.version, info.file_name) == ("cpp", "C++", "12.2.0", "main.cpp")
    assert "c++" in info.aliases
    assert "iostream" in info.template


def test_load_accepts_a_valid_file(tmp_path: Path) -> None:
    assert load_languages(write(tmp_path, VALID))["toy"].run == ("toy", "{entrypoint}")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('name = "Toy"', "", r"toy.toml:1: `name`: .*missing required field `name`"),
        ('name = "Toy"', "name = 7", r"toy.toml:3: `name`: Expected `str`, got `int`"),
        ('name = "Toy"', 'name = "Toy"\ncolour = "red"', "toy.toml:4: `colour`: .*unknown field `colour`"),
        ('id = "toy"', 'id = "Toy!"', r"toy.toml:2: `id`: Expected"),
        ('id = "toy"', 'id = "toys"', "toy.toml:2: `id`: must be 'toy', as in the file name, not 'toys'"),
        ('run = ["toy", "{entrypoint}"]', "run = []", r"toy.toml:5: `run`: .*length >= 1"),
        ('"{entrypoint}"', '"{file}"', r"`run`: unknown placeholder \{file\}"),
        ('"{entrypoint}"', '"{options}"', r"`run`: unknown placeholder \{options\}"),
        ('"{entrypoint}"', '"{sources}"', "toy.toml:5: `run`: .*requires the field `sources`"),
        ('"{entrypoint}"', '"-x{sources}"', "toy.toml:5: `run`: .*must be a whole argument"),
        ('file_name = "main.toy"', 'file_name = "../main"', r"toy.toml:4: `file_name`: Expected"),
        ('"{entrypoint}"', '"{heap_mib}"', r"`run`: \{heap_mib\} requires the table `heap`"),
        ("[hello]", '[env]\nA = "{heap_mib}"\n[hello]', r"toy.toml:11: `env`: .* requires the table `heap`"),
        ("[hello]", "[heap]\nexhausted = '('\n[hello]", "toy.toml:12: `heap.exhausted`: .*is not a regular expression"),
        ("[hello]", "[heap]\nexhausted = 'x'\npercent = 101\n[hello]", r"toy.toml:13: `heap.percent`: Expected"),
        ('file_name = "main.toy"', 'file_name = "main.toy"\nremoved = ["tab"]', r"toy.toml:5: `removed\[0\]`: "),
        ('memory_limit = "hold"', "", "toy.toml:14: `programs.memory_limit`: "),
        ('debian = ["toy"]', 'debian = ["toy; reboot"]', r"toy.toml:7: `packages.debian\[0\]`: "),
        ('debian = ["toy"]', 'debian = []\npython = ["toy"]', r"toy.toml:8: `packages.python\[0\]`: "),
        ('debian = ["toy"]', 'debian = []\nnode = ["toy@latest"]', r"toy.toml:8: `packages.node\[0\]`: "),
        ('runtime_error = "say no"', "", "toy.toml:14: `programs.runtime_error`: "),
        ("[programs]", '[programs]\ncompile_error = "x"', "if and only if `compile` is set"),
        (r"'toy (\S+)'", r"'toy \S+'", "toy.toml:10: `version_probe.pattern`: .*exactly one group"),
        (r"'toy (\S+)'", "'toy ('", "toy.toml:10: `version_probe.pattern`: .*not a regular expression"),
        ("[hello]", "[limits]\nmemory_bytes = 1\n[hello]", "toy.toml:12: `limits.memory_bytes`: must be between"),
        ("[hello]", "[limits]\nwall_seconds = 301\n[hello]", "toy.toml:12: `limits.wall_seconds`: must be between"),
        ("[hello]", "[limits]\ncpu_seconds = inf\n[hello]", "toy.toml:12: `limits.cpu_seconds`: must be between"),
        ("[hello]", "[limits]\ncpu_seconds = nan\n[hello]", "toy.toml:12: `limits.cpu_seconds`: must be between"),
        ("[hello]", '[env]\n"A B" = "1"\n[hello]', r"toy.toml:11: `env`: "),
        ('id = "toy"', 'id = "toy', "toy.toml:2: "),
    ],
)
def test_load_error_names_the_file_and_the_field(tmp_path: Path, before: str, after: str, message: str) -> None:
    assert before in VALID
    folder = write(tmp_path, VALID.replace(before, after))

    with pytest.raises(CatalogueError, match=message) as raised:
        load_languages(folder)

    assert str(raised.value).startswith(f"{folder / 'toy.toml'}:")


@pytest.mark.parametrize("field", [field.encode_name for field in msgspec.structs.fields(Language)])
def test_each_field_of_a_wrong_type_is_one_error_with_file_line_and_field(tmp_path: Path, field: str) -> None:
    document = {name: value for name, value in tomllib.loads(VALID).items() if name != field}
    line = 1 + len([name for name, value in document.items() if not isinstance(value, dict)])
    scalars = [f"{name} = {json.dumps(value)}" for name, value in document.items() if not isinstance(value, dict)]
    tables = [
        "\n".join([f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())])
        for name, table in document.items()
        if isinstance(table, dict)
    ]
    write(tmp_path, "\n".join([*scalars, f"{field} = 1979-05-27", *tables]))

    with pytest.raises(CatalogueError) as raised:
        load_languages(tmp_path)

    assert re.fullmatch(f"{re.escape(str(tmp_path))}/toy.toml:{line}: `{field}`: [^\n]+", str(raised.value))


@pytest.mark.parametrize("table", ["packages", "version_probe", "hello", "programs", "limits", "heap", "compat"])
def test_unknown_field_of_each_table_is_one_error_with_file_line_and_field(tmp_path: Path, table: str) -> None:
    needed = "exhausted = 'x'\n" if table == "heap" else ""
    text = VALID if f"[{table}]" in VALID else f"{VALID}[{table}]\n{needed}"
    head, _, tail = text.partition(f"[{table}]\n")
    write(tmp_path, f"{head}[{table}]\ncolour = 'red'\n{tail}")
    line = head.count("\n") + 2

    with pytest.raises(CatalogueError) as raised:
        load_languages(tmp_path)

    assert re.fullmatch(f"{re.escape(str(tmp_path))}/toy.toml:{line}: `{table}.colour`: [^\n]+", str(raised.value))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = [[[", "toy.toml:1: Invalid value (at end of document)"),
        (b"a = 1\n\na = 2\n", "toy.toml:3: Cannot overwrite a value (at line 3, column 6)"),
        (b"a = 1\nb\n", "toy.toml:2: Expected '=' after a key in a key/value pair (at line 2, column 2)"),
        (b"a = '\xff'", "toy.toml:1: 'utf-8' codec can't decode byte 0xff in position 5: invalid start byte"),
    ],
)
def test_file_that_is_not_toml_is_one_error_with_file_and_line(tmp_path: Path, content: bytes, message: str) -> None:
    tmp_path.joinpath("toy.toml").write_bytes(content)

    with pytest.raises(CatalogueError) as raised:
        load_languages(tmp_path)

    assert re.sub(r"column \d+", "column", str(raised.value)) == re.sub(
        r"column \d+", "column", f"{tmp_path}/{message}"
    )


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ('aliases = ["toy"]', "toy2.toml:1: `aliases`: 'toy' is already used by {folder}/toy.toml"),
        ("[compat]\njudge0 = [71]", "toy2.toml:20: `compat.judge0`: '71' is already used by {folder}/toy.toml"),
        ('[compat]\npiston = ["t"]', "toy2.toml:20: `compat.piston`: 't' is already used by {folder}/toy.toml"),
    ],
)
def test_load_rejects_a_name_of_two_languages(tmp_path: Path, claim: str, message: str) -> None:
    first = VALID + '[compat]\njudge0 = [71]\npiston = ["t"]\n'
    second = VALID.replace('id = "toy"', 'id = "toy2"')
    write(tmp_path, first)
    write(tmp_path, second + claim if claim.startswith("[") else claim + second, "toy2.toml")

    with pytest.raises(CatalogueError) as raised:
        load_languages(tmp_path)

    assert str(raised.value) == f"{tmp_path}/{message.format(folder=tmp_path)}"


def test_load_rejects_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="contains no language"):
        load_languages(tmp_path)


# --- a language that extends another one

EXTENSION = """
id = "toy-ml"
name = "Toy (machine learning)"
extends = "toy"
setup = "second"
[packages]
debian = ["libtoy"]
python = ["numpy==2.0", "torch==2.9.1"]
"""


def write_base(folder: Path) -> Path:
    text = VALID.replace("[hello]", '[limits]\nprocesses = 8\n[compat]\npiston = ["toy"]\n[hello]')
    text = text.replace(
        "[packages]", 'aliases = ["t"]\nsetup = "first"\ndefault = true\n[packages]\npython = ["numpy==1.9"]'
    )
    return write(folder, text)


def test_language_that_extends_another_has_its_fields_and_packages(tmp_path: Path) -> None:
    extending = load_languages(write(write_base(tmp_path), EXTENSION, "toy-ml.toml"))["toy-ml"]

    assert (extending.name, extending.run, extending.limits.processes) == (
        "Toy (machine learning)",
        ("toy", "{entrypoint}"),
        8,
    )
    assert extending.packages == Packages(("toy", "libtoy"), ("numpy==2.0", "torch==2.9.1"))
    assert extending.setup == "first\nsecond"
    # The names of a language are its own
    assert (extending.aliases, extending.compat.piston, extending.default) == ((), (), False)


def test_languages_of_several_folders_extend_each_other(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    write_base(first)
    write(second, EXTENSION, "toy-ml.toml")
    write(second, 'id = "atoy"\nname = "A toy"\nextends = "toy-ml"\n[env]\nA = "1"\n', "atoy.toml")

    languages = load_languages(first, second)

    assert list(languages) == ["atoy", "toy", "toy-ml"]
    assert languages["atoy"].packages == languages["toy-ml"].packages
    assert (languages["atoy"].env, languages["toy-ml"].env) == ({"A": "1"}, {})


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('extends = "toy"', 'extends = "toy-ml"', "4: `extends`: is cyclic: toy-ml -> toy-ml"),
        ('extends = "toy"', 'extends = "other"', "4: `extends`: is cyclic: toy-ml -> other -> toy-ml"),
        ('extends = "toy"', 'extends = "tol"', "4: `extends`: there is no language 'tol'"),
        ('extends = "toy"', "extends = 7", "4: `extends`: must be the id of a language"),
        ('setup = "second"', "setup = 7", "5: `setup`: Expected `str`, got `int`"),
        ('setup = "second"', 'colour = "red"', "5: `colour`: Object contains unknown field `colour`"),
        ('setup = "second"', "version_of = 'toy'", "5: `version_of`: unknown field"),
        ('"libtoy"', "7", "7: `packages.debian[1]`: Expected `str`, got `int`"),
        ('debian = ["libtoy"]', "debian = 7", "7: `packages.debian`: Expected `array`, got `int`"),
        ('debian = ["libtoy"]', "apt = []", "7: `packages.apt`: Object contains unknown field `apt`"),
        (
            "[packages]",
            "dockerfile = '''\nRUN true\nFROM scratch'''\n[packages]",
            "6: `dockerfile`: `dockerfile` must not",
        ),
        ("[packages]", "compile = ['toyc']\n[packages]", "6: `compile`: "),
        ('name = "Toy (machine learning)"', "", "1: `name`: Object missing required field `name`"),
        ('id = "toy-ml"', 'id = "toy-mk"', "2: `id`: must be 'toy-ml', as in the file name, not 'toy-mk'"),
        ("python = [", "python = [\n  # newer\n", None),
    ],
)
def test_error_in_a_language_that_extends_another_has_its_line(
    tmp_path: Path, before: str, after: str, message: str | None
) -> None:
    assert before in EXTENSION
    folder = write(write_base(tmp_path), EXTENSION.replace(before, after), "toy-ml.toml")
    write(tmp_path, 'id = "other"\nname = "Other"\nextends = "toy-ml"\n', "other.toml")
    if message is None:
        assert "toy-ml" in load_languages(folder)
        return

    with pytest.raises(CatalogueError) as raised:
        load_languages(folder)

    assert "\n" not in str(raised.value)
    file = "other.toml:3" if "toy-ml -> other" in message else f"toy-ml.toml:{message.partition(':')[0]}"
    assert str(raised.value).startswith(f"{folder}/")
    assert f"{file}: " in str(raised.value) or "is cyclic" in message
    assert message.partition(": ")[2].partition(" toy-ml ->")[0] in str(raised.value)


@pytest.mark.parametrize(
    ("extends", "file", "cycle"),
    [
        ({"a": "b", "b": "c", "c": "a"}, "c.toml:3", "a -> b -> c -> a"),
        ({"a": "a-2"}, "a.toml:3", "a -> a-2"),
        ({"a": "a-3"}, "a.toml:3", "a -> a-3"),
        ({"a": "b", "b": "a-3"}, "b.toml:3", "a -> b -> a-3"),
    ],
)
def test_cycle_is_one_error_that_names_the_languages(
    tmp_path: Path, extends: dict[str, str], file: str, cycle: str
) -> None:
    versions = '[[version]]\nname = "2"\ndefault = true\n[[version]]\nname = "3"\n'
    write(tmp_path, VALID)
    for name, base in extends.items():
        text = f'id = "{name}"\nname = "Cyclic"\nextends = "{base}"\n'
        write(tmp_path, text + (versions if name == "a" else ""), f"{name}.toml")

    with pytest.raises(CatalogueError) as raised:
        load_languages(tmp_path)

    assert str(raised.value) == f"{tmp_path}/{file}: `extends`: is cyclic: {cycle}"


def test_load_rejects_two_files_with_one_id(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()

    with pytest.raises(
        CatalogueError, match=f"^{second}/toy.toml:1: `id`: 'toy' is already defined in {first}/toy.toml$"
    ):
        load_languages(write_base(first), write_base(second))


# --- versions of a language

VERSIONS = """
[[version]]
name = "2"
default = true
packages = {debian = ["toy2"]}

[[version]]
name = "3.1"
packages = {debian = ["toy3"]}
run = ["toy3", "{entrypoint}"]
compat = {judge0 = [3001]}
"""


def write_versions(folder: Path, before: str = "", after: str = "") -> Path:
    assert before in VERSIONS
    text = write_base(folder).joinpath("toy.toml").read_text()
    return write(folder, text + VERSIONS.replace(before, after))


def test_versions_have_ids_commands_and_packages_of_their_own(tmp_path: Path) -> None:
    languages = load_languages(write_versions(tmp_path))

    default, other = languages["toy"], languages["toy-3.1"]
    assert list(languages) == ["toy", "toy-3.1"]
    assert (default.packages.debian, other.packages.debian) == (("toy", "toy2"), ("toy", "toy3"))
    assert (default.run[0], other.run[0]) == ("toy", "toy3")
    assert (default.default, other.default) == (True, False)
    assert (default.version_of, other.version_of) == (None, "toy")
    assert (default.aliases, other.aliases) == (("t",), ())
    # Piston lists all versions under one name
    assert (other.compat.piston, other.compat.judge0) == (("toy",), (3001,))
    info = other.info("3.1.4")
    assert (info.id, info.family, info.name, info.version) == ("toy-3.1", "toy", "Toy", "3.1.4")


def test_language_can_extend_a_version(tmp_path: Path) -> None:
    write_versions(tmp_path)
    text = EXTENSION.replace('extends = "toy"', 'extends = "toy-3.1"')

    extending = load_languages(write(tmp_path, text, "toy-ml.toml"))["toy-ml"]

    assert extending.packages.debian == ("toy", "toy3", "libtoy")
    assert (extending.run[0], extending.version_of, extending.compat.piston) == ("toy3", None, ())


@pytest.mark.parametrize(
    ("before", "after", "line", "message"),
    [
        ("default = true", "", 'name = "2"', "version`: exactly one version must have `default = true`"),
        ("default = true", "default = 1", "default = 1", "version[0].default`: must be true or false"),
        ('name = "3.1"', 'name = "2"', 'name = "2"', "version[1].name`: '2' is used by two versions"),
        ('name = "3.1"', 'name = "A b"', 'name = "A b"', "version[1].name`: must be lower-case letters"),
        ('name = "3.1"', "", "[[version]]", "version[1].name`: must be lower-case letters"),
        ('name = "3.1"', 'name = "3.1"\nid = "x"', 'id = "x"', "version[1].id`: unknown field of a version"),
        ('["toy3", "{entrypoint}"]', '"toy3"', "run = ", "version[1].run`: Expected `array`, got `str`"),
        ('run = ["toy3"', 'ran = ["toy3"', "ran = ", "version[1].ran`: Object contains unknown field `ran`"),
        ("judge0 = [3001]", 'judge0 = ["x"]', "compat = ", "version[1].compat.judge0[0]`: Expected `int`, got `str`"),
    ],
)
def test_error_in_a_version_has_its_line(tmp_path: Path, before: str, after: str, line: str, message: str) -> None:
    folder = write_versions(tmp_path, before, after)
    text = (folder / "toy.toml").read_text()
    number = text[: text.rindex(line)].count("\n") + 1
    if message.startswith("version`"):
        number = text[: text.index("[[version]]")].count("\n") + 1

    with pytest.raises(CatalogueError) as raised:
        load_languages(folder)

    assert str(raised.value).startswith(f"{folder}/toy.toml:{number}: `{message}")
