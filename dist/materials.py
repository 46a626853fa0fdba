"""What the binary has in it beside crates: C libraries that crates bring along, and what rustup links in. Versions and the
texts of licences are read from the sources that are built, so that nothing here can grow old; a source that looks other
than expected ends with an error."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TARGETS = {"x86_64": "x86_64-unknown-linux-musl", "aarch64": "aarch64-unknown-linux-musl"}


class Component(NamedTuple):
    name: str
    version: str
    licence: str  # an SPDX expression
    text: str
    home: str
    cpe: str | None = None  # under which name advisories know it: `vendor:product`


def run(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def packages() -> dict[str, dict]:
    """The crates that are linked in, by name; build scripts' are among them, for they bring C along."""
    platforms = [f"--filter-platform={target}" for target in TARGETS.values()]
    metadata = json.loads(run("cargo", "metadata", "--locked", "--format-version=1", *platforms))
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    by_id = {package["id"]: package for package in metadata["packages"]}
    found, wanted = {}, [next(i for i, package in by_id.items() if package["name"] == "stampmill")]
    while wanted:
        package = by_id[wanted.pop()]
        if package["id"] in found:
            continue
        found[package["id"]] = package
        for dependency in nodes[package["id"]]["deps"]:
            if any(kind["kind"] != "dev" for kind in dependency["dep_kinds"]):
                wanted.append(dependency["pkg"])
    return {package["name"]: package for package in found.values()}


def first(pattern: str, file: Path) -> str:
    match = re.search(pattern, file.read_text(errors="replace"))
    if match is None:
        raise SystemExit(f"{file}: expected a version in the form of `{pattern}`")
    return match[1]


def of_crate(crates: dict[str, dict], name: str) -> tuple[Path, str]:
    """Where its source is, and the version of what it brings along, where the crate's own version names it."""
    if name not in crates:
        raise SystemExit(f"dist/materials.py: expected the crate `{name}` among the dependencies")
    crate = crates[name]
    return Path(crate["manifest_path"]).parent, crate["version"].partition("+")[2]


def parts(file: Path, pattern: str, names: list[str]) -> str:
    return ".".join(first(pattern % name, file) for name in names)


def components() -> list[Component]:
    crates = packages()
    kafka, kafka_version = of_crate(crates, "rdkafka-sys")
    kafka /= "librdkafka"
    ssl, ssl_version = of_crate(crates, "openssl-src")
    zlib = of_crate(crates, "libz-sys")[0] / "src/zlib"
    zstd, zstd_version = of_crate(crates, "zstd-sys")
    mimalloc = of_crate(crates, "libmimalloc-sys")[0] / "c_src/mimalloc/v3"
    page = ROOT / "crates/stampmill/src/service/page"

    allocator = int(first(r"define MI_MALLOC_VERSION\s+(\d+)", mimalloc / "include/mimalloc.h"))
    lz4 = parts(kafka / "src/lz4.h", r"define LZ4_VERSION_%s\s+(\d+)", ["MAJOR", "MINOR", "RELEASE"])
    cjson = parts(kafka / "src/cJSON.h", r"define CJSON_VERSION_%s\s+(\d+)", ["MAJOR", "MINOR", "PATCH"])
    rust = first(r"RUST_TOOLCHAIN=(\S+)", ROOT / "dist/versions")
    zig = next((ROOT / "target/zig/lib").glob("python*/site-packages/ziglang"))

    within = "Its text is among those of librdkafka.\n"
    apache = "Its text is that of Stampmill's own licence.\n"
    elsewhere = "Its texts, and those of what it is made of, are in `rust-standard-library.html`.\n"
    return [
        Component("librdkafka", kafka_version, "BSD-2-Clause", (kafka / "LICENSES.txt").read_text(),
                  "https://github.com/confluentinc/librdkafka"),
        Component("lz4", lz4, "BSD-2-Clause", within, "https://github.com/lz4/lz4", "lz4_project:lz4"),
        Component("cJSON", cjson, "MIT", within, "https://github.com/DaveGamble/cJSON", "davegamble:cjson"),
        Component("snappy-c", "within librdkafka " + kafka_version, "BSD-3-Clause", within, "https://github.com/andikleen/snappy-c"),
        Component("OpenSSL", ssl_version, "Apache-2.0", (ssl / "openssl/LICENSE.txt").read_text(),
                  "https://www.openssl.org", "openssl:openssl"),
        Component("zlib", first(r'define ZLIB_VERSION "([^"]+)"', zlib / "zlib.h"), "Zlib",
                  (zlib / "LICENSE").read_text(), "https://zlib.net", "zlib:zlib"),
        Component("zstd", zstd_version.removeprefix("zstd."), "BSD-3-Clause", (zstd / "zstd/LICENSE").read_text(),
                  "https://github.com/facebook/zstd", "facebook:zstandard"),
        Component("mimalloc", f"{allocator // 10000}.{allocator // 100 % 100}.{allocator % 100}", "MIT",
                  (mimalloc / "LICENSE").read_text(), "https://github.com/microsoft/mimalloc"),
        Component("musl", f"of Rust {rust}", "MIT", (zig / "lib/libc/musl/COPYRIGHT").read_text(),
                  "https://musl.libc.org"),
        Component("Rust's standard library", rust, "MIT OR Apache-2.0", elsewhere, "https://www.rust-lang.org",
                  "rust-lang:rust"),
        Component("preact", first(r"preact (\d+\.\d+\.\d+)", page / "preact.js"), "MIT",
                  first(r"(?s)(The MIT License.*?)\*/", page / "preact.js"), "https://preactjs.com"),
        Component("htm", first(r"htm (\d+\.\d+\.\d+)", page / "htm.js"), "Apache-2.0", apache,
                  "https://github.com/developit/htm"),
    ]


def licences() -> str:
    """The licence list: crates by cargo-about, and the rest after them."""
    crates = run("cargo", "about", "generate", "--locked", "--fail", "--manifest-path=crates/stampmill/Cargo.toml",
                 "--config=dist/about.toml", "dist/licences.hbs")
    lines = ["", "# What is no crate", ""]
    native = components()
    lines += [f"- [{part.name}]({part.home}) {part.version}: {part.licence}" for part in native]
    for part in native:
        lines += ["", f"## {part.name} {part.version}", "", "```", part.text.strip(), "```"]
    return crates + "\n".join(lines) + "\n"


def bill(arch: str) -> str:
    """The bill of materials of one binary: crates by cargo-cyclonedx, and the rest as further components."""
    target = TARGETS[arch]
    run("cargo", "cyclonedx", "--manifest-path=crates/stampmill/Cargo.toml", "--format=json", "--spec-version=1.5",
        "--describe=binaries", f"--target={target}", "--no-build-deps", "--override-filename=bill-of-materials")
    # One for each member of the workspace, and the program's only is wanted.
    made = list(ROOT.glob("**/bill-of-materials*.json"))
    document = json.loads((ROOT / "crates/stampmill/bill-of-materials.json").read_text())
    for file in made:
        file.unlink()
    program = document["metadata"]["component"]["bom-ref"]
    refs = []
    for part in components():
        ref = f"pkg:generic/{part.name.replace(' ', '-')}@{part.version.replace(' ', '-')}"
        component = {"type": "library", "bom-ref": ref, "name": part.name, "version": part.version, "purl": ref,
                     "licenses": [{"expression": part.licence}],
                     "externalReferences": [{"type": "website", "url": part.home}]}
        if part.cpe:
            component["cpe"] = f"cpe:2.3:a:{part.cpe}:{part.version}:*:*:*:*:*:*:*"
        document["components"].append(component)
        refs.append(ref)
    next(entry for entry in document["dependencies"] if entry["ref"] == program).setdefault("dependsOn", []).extend(refs)
    document["dependencies"] += [{"ref": ref} for ref in refs]
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["licences"]:
        print(licences(), end="")
    elif len(sys.argv) == 3 and sys.argv[1] == "bill" and sys.argv[2] in TARGETS:
        print(bill(sys.argv[2]), end="")
    else:
        raise SystemExit("expected `licences`, or `bill` and one of: " + ", ".join(TARGETS))
