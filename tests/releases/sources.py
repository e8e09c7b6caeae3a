"""Source packages of Debian, for tests/scan_releases.c.

sources.py fetch FOLDER    read lines "PATH SHA256 DAY" and put each file into FOLDER,
                           unless it is there. PATH is below pool/main; DAY is one on
                           which the archive had it. Ends with 0 when all are there.
sources.py unpack FILE IN TO
                           unpack the folder IN of a source package into TO.

A mirror drops a release when a newer one comes; snapshot.debian.org keeps them all.
Whatever comes from either is taken only if its checksum is right, so plain HTTP will do,
which needs no certificates. A server that cannot be reached is asked only once.
"""
import hashlib
import http.client
import os
import sys
import tarfile
import time
import urllib.error
import urllib.request

SERVERS = (
    "http://deb.debian.org/debian/pool/main/",
    "http://snapshot.debian.org/archive/debian/%s/pool/main/",
)
SILENCE_S = 10  # of a server
ALL_S = 120  # for everything, so that a slow line does not hold up the tests


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def is_right(data, sha256):
    return hashlib.sha256(data).hexdigest() == sha256


def download(url, deadline):
    parts = []
    with urllib.request.urlopen(url, timeout=SILENCE_S) as answer:
        while part := answer.read(1 << 16):
            parts.append(part)
            if time.monotonic() > deadline:
                raise TimeoutError("too slow")
    return b"".join(parts)


def keep(data, path):
    """Two runs of the tests may do this at a time."""
    part = f"{path}.{os.getpid()}"
    with open(part, "wb") as file:
        file.write(data)
    os.replace(part, path)


def fetch_one(folder, path, sha256, day, servers, deadline):
    target = os.path.join(folder, os.path.basename(path))
    if is_right(read(target), sha256):
        return True
    if os.path.exists(target):
        os.remove(target)
    for server in list(servers):
        url = (server % day if "%s" in server else server) + path
        try:
            data = download(url, deadline)
        except (OSError, http.client.HTTPException) as error:
            print(f"{url}: {error}", file=sys.stderr)
            if not isinstance(error, urllib.error.HTTPError):
                servers.remove(server)
            continue
        if is_right(data, sha256):
            keep(data, target)
            return True
        print(f"{url}: another checksum", file=sys.stderr)
    return False


def fetch(folder):
    servers = list(SERVERS)
    deadline = time.monotonic() + ALL_S
    releases = [line.split() for line in sys.stdin]
    try:
        os.makedirs(folder, exist_ok=True)
        found = [fetch_one(folder, *one, servers, deadline) for one in releases]
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if all(found) else 1


def unpack(file, inside, to):
    """Without the top folder, which each archive calls differently."""
    with tarfile.open(file) as archive:
        for member in archive:
            name = member.name.removeprefix("./").partition("/")[2]
            if inside != ".":
                if not name.startswith(inside + "/"):
                    continue
                name = name[len(inside) + 1 :]
            if not member.isfile() or not name or ".." in name:
                continue
            path = os.path.join(to, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as out:
                out.write(archive.extractfile(member).read())
    return 0


if __name__ == "__main__":
    sys.exit({"fetch": fetch, "unpack": unpack}[sys.argv[1]](*sys.argv[2:]))
