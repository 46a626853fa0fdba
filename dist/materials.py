"""What a binary is made of: `licences` prints the licence list, `bill TARGET` the bill of materials, as CycloneDX 1.5. Crates
come from Cargo, all else from dist/native.py."""

import json
import re
import sys
import tomllib
from typing import Iterable

from crates import Crate, linked
from native import ROOT, TARGETS, Component, components

# The licence of Stampmill, which is taken wherever it is among those that one may choose.
OWN = "Apache-2.0"
# Crates without a text of their licence, and the crate of the same repository that has it.
TEXT_OF = {"rdkafka-sys": "rdkafka", "jsonschema-regex": "jsonschema", "jsonschema-value": "jsonschema"}
TEXT = re.compile(r"(?i)(licen[cs]e|unlicense|copying|copyright)")


def chosen(crate: Crate) -> str:
    """An SPDX expression; of a choice that has Stampmill's own licence, that one."""
    expression = re.sub(r"\s*/\s*", " OR ", crate.licence)
    alternatives = expression.split(" OR ")
    return OWN if " AND " not in expression and OWN in alternatives else expression


def texts(crate: Crate, licence: str) -> list[str]:
    """What the crate's folder has of licences; under Stampmill's own, whose text is here anyway, of notices alone."""
    files = [file for file in sorted(crate.folder.iterdir()) if file.is_file()]
    notices = [file.read_text().strip() for file in files if file.name.lower().startswith("notice")]
    if licence == OWN:
        return notices
    licences = [file.read_text().strip() for file in files if TEXT.match(file.name)]
    if not licences and crate.name in TEXT_OF:
        return texts(linked(TARGETS)[TEXT_OF[crate.name]], licence)
    if not licences and crate.name in ("uuid-simd", "vsimd"):
        # Their repository has the text of their author's `outref`, but for the year.
        of_outref = texts(linked(TARGETS)["outref"], licence)
        return [text.replace("(c) 2022 Nugine", "(c) 2021 Nugine") for text in of_outref]
    if not licences:
        raise SystemExit(f"{crate.folder}: expected the text of `{licence}`, and found no such file")
    return licences + notices


def block(title: str, text: str) -> list[str]:
    return ["", f"## {title}", "", "```", text.strip(), "```"]


def licences() -> str:
    crates = linked(TARGETS).values()
    # Each once; what the binaries of the other architecture have is the same.
    native = dict.fromkeys(part for target in TARGETS if target.startswith("x86_64") for part in components(target))
    lines = ["# What Stampmill is made of", "",
             "The licences of what is linked into the binaries, and of glibc, which the image has. Made by `make licences`;",
             "`make dist` refuses an old one.",
             f"A crate that may be had under {OWN}, which is Stampmill's own licence, is taken under that one: its text is in",
             "`LICENSE`, and only a notice of the crate's own follows.", "", "# What is no crate", ""]
    lines += [f"- [{part.name}]({part.home}) {part.version}: {part.licence}" for part in native]
    lines += ["", "# Crates", ""]
    lines += [f"- {crate.name} {crate.version}: {chosen(crate)}" for crate in crates]
    lines += ["", "# Texts"]
    for part in native:
        lines += block(f"{part.name} {part.version}", part.text)
    # Many crates have one text, letter by letter.
    owners: dict[str, list[str]] = {}
    for crate in crates:
        for text in texts(crate, chosen(crate)):
            owners.setdefault(text, []).append(f"{crate.name} {crate.version}")
    for text, names in owners.items():
        lines += block(", ".join(names), text)
    return "\n".join(lines) + "\n"


def of_crate(crate: Crate, checksum: str | None) -> dict:
    entry = {"type": "library", "bom-ref": crate.purl, "name": crate.name, "version": crate.version, "purl": crate.purl,
             "licenses": [{"expression": re.sub(r"\s*/\s*", " OR ", crate.licence)}]}
    if checksum:
        entry["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if crate.home:
        entry["externalReferences"] = [{"type": "vcs", "url": crate.home}]
    return entry


def of_component(part: Component) -> dict:
    entry = {"type": "library", "bom-ref": part.purl, "name": part.name, "version": part.exact, "purl": part.purl,
             "licenses": [{"expression": part.licence}], "externalReferences": [{"type": "website", "url": part.home}]}
    if part.cpe:
        entry["cpe"] = f"cpe:2.3:a:{part.cpe}:{part.version}:*:*:*:*:*:*:*"
    return entry


def checksums() -> dict[tuple[str, str], str]:
    packages = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    return {(package["name"], package["version"]): package["checksum"] for package in packages if "checksum" in package}


def bill(target: str) -> str:
    crates, native, sums = linked([target]), components(target), checksums()
    program = crates.pop("stampmill")
    entries = [of_crate(crate, sums.get((crate.name, crate.version))) for crate in crates.values()]
    entries += [of_component(part) for part in native]
    dependencies: list[tuple[str, Iterable[str]]] = [(crate.purl, crate.needs) for crate in crates.values()]
    dependencies += [(program.purl, [*program.needs, *(part.purl for part in native)])]
    dependencies += [(part.purl, []) for part in native]
    document = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {**of_crate(program, None), "type": "application"},
                     "properties": [{"name": "stampmill:target", "value": target}]},
        "components": sorted(entries, key=lambda entry: entry["bom-ref"]),
        "dependencies": [{"ref": ref, "dependsOn": sorted(needs)} for ref, needs in sorted(dependencies)],
    }
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["licences"]:
        print(licences(), end="")
    elif len(sys.argv) == 3 and sys.argv[1] == "bill" and sys.argv[2] in TARGETS:
        print(bill(sys.argv[2]), end="")
    else:
        raise SystemExit("expected `licences`, or `bill` and one of: " + ", ".join(TARGETS))
