"""The user and the host name that programs see. Each sandbox has its own user id, and none has a network."""

from __future__ import annotations

from typing import Final

import pytest

from app.core.outcomes import Outcome
from tests.languages.jobs import program
from tests.sandbox.sandbox_fixture import SandboxFixture

pytestmark = pytest.mark.docker

# Each prints the name of the user and its home directory.
USER_PROGRAMS: Final = {
    "python": """
import getpass, os, pathlib, pwd, subprocess

entry = pwd.getpwuid(os.getuid())
assert getpass.getuser() == entry.pw_name == pwd.getpwnam("runner").pw_name
assert entry in pwd.getpwall()
assert pathlib.Path.home() == pathlib.Path("~runner").expanduser() == pathlib.Path(entry.pw_dir)
print(subprocess.run(["whoami"], capture_output=True, text=True).stdout.strip(), entry.pw_dir)
""",
    "javascript": 'const user = require("os").userInfo(); console.log(user.username, user.homedir);',
    "bash": 'echo "$(id -un)" ~runner',
    "c": """
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>
int main(void) { struct passwd *user = getpwuid(getuid()); printf("%s %s\\n", user->pw_name, user->pw_dir); }
""",
    "java": """
public class Main {
    public static void main(String[] args) {
        System.out.println(System.getProperty("user.name") + " " + System.getProperty("user.home"));
    }
}
""",
    "go": """
package main

import ("fmt"; "os/user")

func main() {
	current, err := user.Current()
	if err != nil { panic(err) }
	fmt.Println(current.Username, current.HomeDir)
}
""",
    "perl": "my @user = getpwuid($>); print qq($user[0] $user[7]\\n);",
    "ruby": 'require "etc"; user = Etc.getpwuid; puts "#{user.name} #{user.dir}"',
    "php": '<?php echo get_current_user(), " ", getenv("HOME"), "\\n";',
}

# Each prints the addresses of localhost, sorted, and the address of the host's own name.
HOST_PROGRAMS: Final = {
    "python": """
import socket

print(*sorted({entry[4][0] for entry in socket.getaddrinfo("localhost", 80)}))
print(socket.gethostbyname(socket.gethostname()))
""",
    "javascript": """
const dns = require("dns"), os = require("os");
dns.lookup("localhost", { all: true }, (error, found) => {
  console.log(found.map((entry) => entry.address).sort().join(" "));
  dns.lookup(os.hostname(), (error, address) => console.log(address));
});
""",
    "bash": """
getent ahosts localhost | cut -d ' ' -f 1 | sort -u | paste -s -d ' '
getent hosts "$(hostname)" | cut -d ' ' -f 1
""",
    "java": """
import java.net.InetAddress;
import java.util.Arrays;

public class Main {
    public static void main(String[] args) throws Exception {
        var found = Arrays.stream(InetAddress.getAllByName("localhost"));
        var all = found.map(address -> address.getHostAddress().replace("0:0:0:0:0:0:0:1", "::1")).sorted().toList();
        System.out.println(String.join(" ", all));
        System.out.println(InetAddress.getLocalHost().getHostAddress());
    }
}
""",
    "go": """
package main

import ("fmt"; "net"; "os"; "sort"; "strings")

func main() {
	addresses, _ := net.LookupHost("localhost")
	sort.Strings(addresses)
	fmt.Println(strings.Join(addresses, " "))
	name, _ := os.Hostname()
	addresses, _ = net.LookupHost(name)
	fmt.Println(addresses[0])
}
""",
}


@pytest.mark.languages(*USER_PROGRAMS)
def test_user_is_named_runner_and_lives_in_the_working_folder(sandbox: SandboxFixture, language: str) -> None:
    result = sandbox.run(program(language, USER_PROGRAMS[language]))

    assert (result.outcome, result.text, result.stderr) == (Outcome.OK, "runner /work\n", b"")


def test_user_and_group_of_files_have_a_name(sandbox: SandboxFixture) -> None:
    result = sandbox.run(program("bash", "touch new; stat -c '%U %G' new; id -gn; getent group runner | cut -d : -f 1"))

    assert (result.text, result.stderr) == ("runner runner\nrunner\nrunner\n", b"")


@pytest.mark.languages(*HOST_PROGRAMS)
def test_localhost_and_the_own_host_name_resolve(sandbox: SandboxFixture, language: str) -> None:
    result = sandbox.run(program(language, HOST_PROGRAMS[language]))

    assert (result.outcome, result.text, result.stderr) == (Outcome.OK, "127.0.0.1 ::1\n127.0.0.1\n", b"")


def test_program_reaches_its_own_server_by_name(sandbox: SandboxFixture) -> None:
    source = """
import socket

for name in ("localhost", socket.gethostname()):
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection((name, server.getsockname()[1]), timeout=2):
            print("connected")
"""

    assert sandbox.run(program("python", source)).text == "connected\nconnected\n"
