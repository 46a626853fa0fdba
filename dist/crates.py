"""The crates that are linked into the program, with those whose macros wrote code of it; as Cargo tells."""

import json
import subprocess
from pathlib import Path
from typing import Iterable, NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Crate(NamedTuple):
    name: str
    version: str
    licence: str  # as its manifest says, which may be an older form than SPDX's expressions
    folder: Path
    home: str | None
    needs: list[str]  # the purls of crates

    @property
    def purl(self) -> str:
        return purl(self.name, self.version)


def purl(name: str, version: str) -> str:
    # `+` means a space in a query, and purl has it escaped everywhere.
    return f"pkg:cargo/{name}@{version.replace('+', '%2B')}"


def linked(targets: Iterable[str], kinds: Iterable[str | None] = (None,)) -> dict[str, Crate]:
    """By name and in the order of names, where two versions of one crate are `NAME` and `NAME VERSION`. Kinds are those of
    dependencies: `None` is a common one, and `build` one of a build script."""
    command = ["cargo", "metadata", "--locked", "--format-version=1", *(f"--filter-platform={target}" for target in targets)]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}

    def needs(package: str) -> list[str]:
        return [dependency["pkg"] for dependency in nodes[package]["deps"]
                if any(kind["kind"] in kinds for kind in dependency["dep_kinds"])]

    found: set[str] = set()
    wanted = [identity for identity, package in packages.items() if package["name"] == "stampmill"]
    while wanted:
        identity = wanted.pop()
        if identity not in found:
            found.add(identity)
            wanted += needs(identity)

    crates: dict[str, Crate] = {}
    for package in sorted((packages[identity] for identity in found), key=lambda package: (package["name"], package["version"])):
        name, version = package["name"], package["version"]
        needed = [purl(packages[other]["name"], packages[other]["version"]) for other in needs(package["id"])]
        folder = Path(package["manifest_path"]).parent
        key = f"{name} {version}" if name in crates else name
        crates[key] = Crate(name, version, package["license"], folder, package["repository"], needed)
    return crates
