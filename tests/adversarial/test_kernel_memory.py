"""Programs that hold kernel memory that is not counted as their memory, measured on the host."""

from __future__ import annotations

import pytest

from tests.adversarial.attack import Attack, launch, table
from tests.adversarial.bounded_sandbox import BoundedSandbox
from tests.adversarial.kernel_memory import measure_kernel_memory
from tests.sandbox.sandbox_fixture import MIB, job

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("_local_engine")]

# In addition to the memory limit of the job.
KERNEL_MEMORY_BYTES = 32 * MIB
SOCKETS = 256

# Each program uses as many sockets and processes as it can, and then holds them.
BEGIN = """
import os, socket, time
held, chunk, end = [], bytes(1 << 16), time.monotonic() + 3
def send_until_full(sender, *address):
    sender.setblocking(False)
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        sender.setsockopt(socket.SOL_SOCKET, option, 4 << 20)
    try:
        while True:
            sender.sendto(chunk[:60000], *address) if address else sender.send(chunk)
    except OSError:
        pass
def repeat(step):
    try:
        while time.monotonic() < end:
            step()
    except OSError:
        if time.monotonic() < end - 1 and os.fork() == 0:
            held.clear()
            repeat(step)
    time.sleep(max(0, end - time.monotonic()))
"""
TCP_QUEUES = f"""{BEGIN}
server = socket.create_server(("127.0.0.1", 0), backlog=4000)
def step():
    client = socket.create_connection(server.getsockname(), timeout=0.2)
    held.append((client, server.accept()[0]))
    for end_point in held[-1]:
        send_until_full(end_point)
repeat(step)
"""
ACCEPT_QUEUES = f"""{BEGIN}
def step():
    server = socket.create_server(("127.0.0.1", 0), backlog=4000)
    held.append(server)
    for _ in range(4000):
        client = socket.socket()
        client.settimeout(0.1)
        client.connect(server.getsockname())
        client.send(bytes(1000))
        client.close()
repeat(step)
"""
# One socket that disconnects with AF_UNSPEC and connects again, so that few calls of socket() are needed.
RECONNECTS = f"""{BEGIN}
import ctypes
libc, unspecified = ctypes.CDLL(None), bytes(16)
def step():
    server = socket.create_server(("127.0.0.1", 0), backlog=4000)
    client = socket.socket()
    client.settimeout(0.1)
    held.append((server, client))
    for _ in range(4000):
        client.connect(server.getsockname())
        client.send(bytes(10000))
        libc.connect(client.fileno(), unspecified, 16)
repeat(step)
"""
FAST_OPEN = f"""{BEGIN}
def step():
    server = socket.create_server(("127.0.0.1", 0), backlog=4000)
    server.setsockopt(socket.IPPROTO_TCP, 23, 4000)
    held.append(server)
    for _ in range(200):
        with socket.socket() as client:
            try:
                client.sendto(bytes(10000), 0x20000000, server.getsockname())
            except PermissionError:
                pass
repeat(step)
"""
UDP_QUEUES = f"""{BEGIN}
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def step():
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    held.append(receiver)
    for _ in range(128):
        sender.sendto(chunk[:60000], receiver.getsockname())
repeat(step)
"""
CLOSED_CONNECTIONS = f"""{BEGIN}
server = socket.create_server(("127.0.0.1", 0), backlog=4000)
def step():
    with socket.create_connection(server.getsockname()), server.accept()[0]:
        pass
repeat(step)
print(sum(line.split()[3] == "06" for line in open("/proc/net/tcp").readlines()[1:]))
"""
MULTICAST = f"""{BEGIN}
def step():
    member = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    held.append(member)
    for group in range(3000):
        address = bytes((255, 1)) + bytes(10) + len(held).to_bytes(2) + group.to_bytes(2)
        member.setsockopt(socket.IPPROTO_IPV6, 20, address + (1).to_bytes(4, "little"))
repeat(step)
"""
UNIX_QUEUES = """
import os, socket
held = []
while True:
    try:
        held.append(socket.socketpair(socket.AF_UNIX, socket.{kind}))
        held[-1][0].setblocking(False)
        while True:
            held[-1][0].send(bytes(100000))
    except BlockingIOError:
        continue
    except OSError:
        if os.fork() == 0:
            held = []
"""
ANY = "ok memory_limit wall_time_limit cpu_time_limit nonzero_exit signaled"
SMALL = {"memory_bytes": 32 * MIB, "open_files": 1024, "processes": 64, "wall_seconds": 6, "cpu_seconds": 6}


@table(
    Attack("queues of TCP sockets", "python", TCP_QUEUES, ANY, settings=SMALL),
    Attack("connections that wait to be accepted", "python", ACCEPT_QUEUES, ANY, settings=SMALL),
    Attack("connections of few sockets", "python", RECONNECTS, ANY, settings=SMALL),
    Attack("connections by fast open", "python", FAST_OPEN, ANY, settings=SMALL),
    Attack("queues of UDP sockets", "python", UDP_QUEUES, ANY, settings=SMALL),
    Attack("closed connections", "python", CLOSED_CONNECTIONS, "ok", lambda ran: ran.text == "0\n", SMALL),
    Attack("multicast groups", "python", MULTICAST, ANY, settings=SMALL),
    Attack("queues of Unix datagrams", "python", UNIX_QUEUES.format(kind="SOCK_DGRAM"), ANY, settings=SMALL),
    Attack("queues of Unix streams", "python", UNIX_QUEUES.format(kind="SOCK_STREAM"), ANY, settings=SMALL),
)
def test_kernel_memory_of_sockets_is_bounded(sandbox: BoundedSandbox, attack: Attack) -> None:
    with measure_kernel_memory() as peak:
        launch(sandbox, attack)

    assert peak.increase_bytes <= KERNEL_MEMORY_BYTES


def test_number_of_internet_sockets_is_limited(sandbox: BoundedSandbox) -> None:
    source = """
import errno, socket
def open_all():
    opened = []
    try:
        while True:
            opened.append(socket.socket(socket.AF_INET6 if len(opened) % 2 else socket.AF_INET))
    except OSError as error:
        return len(opened), errno.errorcode[error.errno]
pairs = [socket.socketpair() for _ in range(100)]
print(*open_all(), *open_all(), len(pairs))
"""
    first, first_error, second, second_error, pairs = sandbox.run(job("python", source, open_files=1024)).text.split()

    assert SOCKETS - 2 <= int(first) <= SOCKETS
    assert (second, second_error, first_error, pairs) == (first, "ENOBUFS", "ENOBUFS", "100")


def test_sockets_work_with_the_lowest_limit_of_open_files(sandbox: BoundedSandbox) -> None:
    source = """
import socket
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
client.sendall(b"fine")
print(server.accept()[0].recv(4).decode())
"""
    assert sandbox.run(job("python", source, open_files=16)).text == "fine\n"


def test_sockets_of_ordinary_programs_work(sandbox: BoundedSandbox) -> None:
    source = """
import asyncio, http.server, socket, threading, urllib.request

async def serve_many_clients(count, size):
    async def echo(reader, writer):
        writer.write(await reader.readexactly(size))
        await writer.drain()
        writer.close()
    async def call(address):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(bytes(size))
        received = await reader.read()
        writer.close()
        return len(received)
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    return sum(await asyncio.gather(*[call(server.sockets[0].getsockname()) for _ in range(count)]))

print(asyncio.run(serve_many_clients(100, 300_000)))

web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=web.serve_forever, daemon=True).start()
print(b"main.py" in urllib.request.urlopen(f"http://127.0.0.1:{web.server_port}/").read())

datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("127.0.0.1", 0))
datagrams.sendto(bytes(65507), datagrams.getsockname())
print(len(datagrams.recv(70000)))

server = socket.create_server(("::1", 0), family=socket.AF_INET6)
client = socket.create_connection(server.getsockname()[:2])
client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
print(client.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) < 1 << 20, socket.socket().get_inheritable())

listener, near = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
listener.bind("socket")
listener.listen()
near.connect("socket")
near.sendall(bytes(100_000))
print(len(listener.accept()[0].recv(100_000, socket.MSG_WAITALL)))
"""
    ran = sandbox.run(job("python", source, wall_seconds=10))

    assert ran.text.split() == ["30000000", "True", "65507", "True", "False", "100000"], ran.stderr


def test_socket_calls_are_not_lost_when_signals_interrupt_them(sandbox: BoundedSandbox) -> None:
    source = """
import signal, socket, threading
signal.signal(signal.SIGALRM, lambda *_: None)
signal.siginterrupt(signal.SIGALRM, False)
signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
server = socket.create_server(("127.0.0.1", 0))
failures = []
def connect():
    for _ in range(200):
        try:
            socket.create_connection(server.getsockname()).close()
            server.accept()[0].close()
        except OSError as error:
            failures.append(error)
threads = [threading.Thread(target=connect) for _ in range(4)]
[thread.start() for thread in threads]
connect()
[thread.join() for thread in threads]
signal.setitimer(signal.ITIMER_REAL, 0)
print(failures)
"""
    assert sandbox.run(job("python", source)).text == "[]\n"


def test_job_ends_when_its_processes_wait_for_sockets(sandbox: BoundedSandbox) -> None:
    source = """
import os, socket
for _ in range(20):
    if os.fork() == 0:
        while True:
            socket.socket().close()
print("up", flush=True)
while True:
    socket.socket().close()
"""
    ran = sandbox.run(job("python", source, wall_seconds=1))

    assert (ran.outcome, ran.text) == ("wall_time_limit", "up\n")
