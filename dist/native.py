"""What a binary has in it beside crates: C libraries that crates bring along, and what belongs to compilers. Versions
and the texts of licences are read from what is linked, so that nothing here can grow old; a source that looks other than
expected ends with an error."""

import platform
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from crates import ROOT, Crate, linked

TARGETS = [f"{arch}-unknown-linux-{libc}" for arch in ("x86_64", "aarch64") for libc in ("musl", "gnu")]
DEBIAN = Path("/usr/share")


class Component(NamedTuple):
    name: str
    version: str
    licence: str  # an SPDX expression
    text: str
    home: str
    cpe: str | None = None  # under which name advisories know it: `vendor:product`
    package: str | None = None  # Debian's source package and its version, where it comes from there: `NAME@VERSION`

    @property
    def exact(self) -> str:
        return self.package.partition("@")[2] if self.package else self.version

    @property
    def purl(self) -> str:
        kind = "deb/debian/" + self.package if self.package else f"generic/{self.name}@{self.version}"
        return f"pkg:{kind}".replace(" ", "-").replace("'", "").replace("+", "%2B")


def first(pattern: str, file: Path) -> str:
    match = re.search(pattern, file.read_text(errors="replace"))
    if match is None:
        raise SystemExit(f"{file}: expected something in the form of `{pattern}`")
    return match[1]


def brought(crate: Crate) -> str:
    """The version of what a crate brings along, where its own version names that."""
    return crate.version.partition("+")[2]


def parts(file: Path, pattern: str, names: list[str]) -> str:
    return ".".join(first(pattern % name, file) for name in names)


def installed(package: str) -> str:
    """The version of one of Debian's packages."""
    asked = subprocess.run(["dpkg-query", "--show", "--showformat=${Version}", package], stdout=subprocess.PIPE, text=True)
    if asked.returncode != 0:
        raise SystemExit(f"expected Debian's package `{package}`, which the binary is linked with")
    return asked.stdout


def of_rust(target: str) -> list[Component]:
    """What rustup's compiler links in, with the musl that it has for static binaries."""
    version = first(r"RUST_TOOLCHAIN=(\S+)", ROOT / "dist/versions")
    elsewhere = "Its texts, and those of what it is made of, are in `rust-standard-library.html`.\n"
    rust = Component("Rust's standard library", version, "MIT OR Apache-2.0", elsewhere, "https://www.rust-lang.org", "rust-lang:rust")
    if not target.endswith("-musl"):
        return [rust]
    asked = subprocess.run(["rustup", "run", version, "rustc", "--print", "sysroot"], check=True, stdout=subprocess.PIPE, text=True)
    libc = Path(asked.stdout.strip()) / "lib/rustlib" / target / "lib/self-contained/libc.a"
    # The one text of that form in it, which it tells as its version.
    musl = first(r"\0(\d+\.\d+\.\d+)\0", libc)
    return [Component("musl", musl, "MIT", (DEBIAN / "doc/musl-dev/copyright").read_text(), "https://musl.libc.org", "musl-libc:musl"), rust]


def of_debian(target: str) -> list[Component]:
    """What a binary that is not static needs beside it."""
    if not target.endswith("-gnu"):
        return []
    arch = target.partition("-")[0]
    debian = {"x86_64": "amd64", "aarch64": "arm64"}[arch]
    gcc = f"libgcc-12-dev:{debian}" if platform.machine() == arch else f"libgcc-12-dev-{debian}-cross"
    versions = {"glibc": installed(f"libc6-dev:{debian}"), "gcc-12": installed(gcc)}
    upstream = {name: version.partition("-")[0] for name, version in versions.items()}
    copyright = (DEBIAN / "doc/libc6-dev/copyright").read_text() + "\n" + (DEBIAN / "common-licenses/LGPL-2.1").read_text()
    exception = first(r"(?s)(GCC RUNTIME LIBRARY EXCEPTION.*?copyleft\s+requirements of the license of GCC\.)",
                      DEBIAN / "doc/libgcc-12-dev/copyright")
    return [
        Component("glibc", upstream["glibc"], "LGPL-2.1-or-later", copyright, "https://www.gnu.org/software/libc/", "gnu:glibc",
                  "glibc@" + versions["glibc"]),
        Component("libgcc", upstream["gcc-12"], "GPL-3.0-or-later WITH GCC-exception-3.1", exception, "https://gcc.gnu.org",
                  package="gcc-12@" + versions["gcc-12"]),
    ]


def of_allocator(crates: dict[str, Crate]) -> list[Component]:
    """Of static binaries alone."""
    if "libmimalloc-sys" not in crates:
        return []
    folder = crates["libmimalloc-sys"].folder / "c_src/mimalloc/v3"
    number = int(first(r"define MI_MALLOC_VERSION\s+(\d+)", folder / "include/mimalloc.h"))
    version = f"{number // 10000}.{number // 100 % 100}.{number % 100}"
    return [Component("mimalloc", version, "MIT", (folder / "LICENSE").read_text(), "https://github.com/microsoft/mimalloc")]


def of_crates(target: str) -> list[Component]:
    """What crates have in source; those of build scripts are among them."""
    crates = linked([target], (None, "build"))
    kafka, ssl, zstd = crates["rdkafka-sys"], crates["openssl-src"], crates["zstd-sys"]
    zlib = crates["libz-sys"].folder / "src/zlib"
    sources = kafka.folder / "librdkafka/src"
    lz4 = parts(sources / "lz4.h", r"define LZ4_VERSION_%s\s+(\d+)", ["MAJOR", "MINOR", "RELEASE"])
    cjson = parts(sources / "cJSON.h", r"define CJSON_VERSION_%s\s+(\d+)", ["MAJOR", "MINOR", "PATCH"])
    within = "Its text is among those of librdkafka.\n"
    return [
        Component("librdkafka", brought(kafka), "BSD-2-Clause", (kafka.folder / "librdkafka/LICENSES.txt").read_text(),
                  "https://github.com/confluentinc/librdkafka"),
        Component("lz4", lz4, "BSD-2-Clause", within, "https://github.com/lz4/lz4", "lz4_project:lz4"),
        Component("cJSON", cjson, "MIT", within, "https://github.com/DaveGamble/cJSON", "davegamble:cjson"),
        Component("snappy-c", "within librdkafka " + brought(kafka), "BSD-3-Clause", within, "https://github.com/andikleen/snappy-c"),
        Component("OpenSSL", brought(ssl), "Apache-2.0", (ssl.folder / "openssl/LICENSE.txt").read_text(),
                  "https://www.openssl.org", "openssl:openssl"),
        Component("zlib", first(r'define ZLIB_VERSION "([^"]+)"', zlib / "zlib.h"), "Zlib", (zlib / "LICENSE").read_text(),
                  "https://zlib.net", "zlib:zlib"),
        Component("zstd", brought(zstd).removeprefix("zstd."), "BSD-3-Clause", (zstd.folder / "zstd/LICENSE").read_text(),
                  "https://github.com/facebook/zstd", "facebook:zstandard"),
        *of_allocator(crates),
    ]


def of_page() -> list[Component]:
    page = ROOT / "crates/stampmill/src/service/page"
    return [
        Component("preact", first(r"preact (\d+\.\d+\.\d+)", page / "preact.js"), "MIT",
                  first(r"(?s)(The MIT License.*?)\*/", page / "preact.js"), "https://preactjs.com"),
        Component("htm", first(r"htm (\d+\.\d+\.\d+)", page / "htm.js"), "Apache-2.0",
                  "Its text is that of Stampmill's own licence.\n", "https://github.com/developit/htm"),
    ]


def components(target: str) -> list[Component]:
    return of_crates(target) + of_rust(target) + of_debian(target) + of_page()
