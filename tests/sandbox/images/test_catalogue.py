"""The language catalogue: validation of the files, and the commands of the phases."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core.limits import MIB
from app.sandbox.images.catalogue import CatalogueError, Language, default_set, load_languages

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
[version]
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


def test_file_suffixes_are_unique(languages: dict[str, Language]) -> None:
    suffixes = [Path(language.file_name).suffix.lower() for language in languages.values()]

    assert len(set(suffixes)) == len(suffixes)


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
        ('name = "Toy"', "", "missing required field `name`"),
        ('name = "Toy"', "name = 7", r"Expected `str`, got `int` - at `\$.name`"),
        ('name = "Toy"', 'name = "Toy"\ncolour = "red"', "unknown field `colour`"),
        ('id = "toy"', 'id = "Toy!"', r"at `\$.id`"),
        ('id = "toy"', 'id = "toys"', "`id` must be 'toy', as in the file name, not 'toys'"),
        ('run = ["toy", "{entrypoint}"]', "run = []", r"length >= 1 - at `\$.run`"),
        ('"{entrypoint}"', '"{file}"', r"`run`: unknown placeholder \{file\}"),
        ('"{entrypoint}"', '"{options}"', r"`run`: unknown placeholder \{options\}"),
        ('"{entrypoint}"', '"{sources}"', "requires the field `sources`"),
        ('"{entrypoint}"', '"-x{sources}"', "must be a whole argument"),
        ('file_name = "main.toy"', 'file_name = "../main"', r"at `\$.file_name`"),
        ('"{entrypoint}"', '"{heap_mib}"', r"`run`: \{heap_mib\} requires the table `heap`"),
        ("[hello]", '[env]\nA = "{heap_mib}"\n[hello]', r"`env`: \{heap_mib\} requires the table `heap`"),
        ("[hello]", "[heap]\nexhausted = '('\n[hello]", "`exhausted` is not a regular expression"),
        ("[hello]", "[heap]\nexhausted = 'x'\npercent = 101\n[hello]", r"at `\$.heap.percent`"),
        ('file_name = "main.toy"', 'file_name = "main.toy"\nremoved = ["tab"]', r"at `\$.removed\[0\]`"),
        ('memory_limit = "hold"', "", "missing required field `memory_limit`"),
        ('debian = ["toy"]', 'debian = ["toy; reboot"]', r"at `\$.packages.debian\[0\]`"),
        ('debian = ["toy"]', 'debian = []\npython = ["toy"]', r"at `\$.packages.python\[0\]`"),
        ('debian = ["toy"]', 'debian = []\nnode = ["toy@latest"]', r"at `\$.packages.node\[0\]`"),
        ('runtime_error = "say no"', "", "missing required field `runtime_error`"),
        ("[programs]", '[programs]\ncompile_error = "x"', "if and only if `compile` is set"),
        (r"'toy (\S+)'", r"'toy \S+'", "must have exactly one group"),
        (r"'toy (\S+)'", "'toy ('", "is not a regular expression"),
        ("[hello]", "[limits]\nmemory_bytes = 1\n[hello]", "`limits.memory_bytes` must be between"),
        ("[hello]", '[env]\n"A B" = "1"\n[hello]', r"`\$.env`"),
        ('id = "toy"', 'id = "toy', "toy.toml: "),
    ],
)
def test_load_error_names_the_file_and_the_field(tmp_path: Path, before: str, after: str, message: str) -> None:
    assert before in VALID
    folder = write(tmp_path, VALID.replace(before, after))

    with pytest.raises(CatalogueError, match=message) as raised:
        load_languages(folder)

    assert str(raised.value).startswith("toy.toml: ")


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ('aliases = ["toy"]', "toy2.toml: `aliases`: 'toy' is already used by toy.toml"),
        ("[compat]\njudge0 = [71]", "toy2.toml: `compat.judge0`: '71' is already used by toy.toml"),
        ('[compat]\npiston = ["t"]', "toy2.toml: `compat.piston`: 't' is already used by toy.toml"),
    ],
)
def test_load_rejects_a_name_of_two_languages(tmp_path: Path, claim: str, message: str) -> None:
    first = VALID + '[compat]\njudge0 = [71]\npiston = ["t"]\n'
    second = VALID.replace('id = "toy"', 'id = "toy2"')
    write(tmp_path, first)
    write(tmp_path, second + claim if claim.startswith("[") else claim + second, "toy2.toml")

    with pytest.raises(CatalogueError) as raised:
        load_languages(tmp_path)

    assert str(raised.value) == message


def test_load_rejects_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="contains no language"):
        load_languages(tmp_path)
