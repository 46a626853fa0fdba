"""Where things are, and how the programs that the tests need are run."""

import json
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
MONITORING = DOCKER / "monitoring"
TARGET = ROOT / "target"
DOCS = ROOT / "docs/src"


def run(*command, **options):
    """What a command prints; it must end with 0."""
    done = subprocess.run([str(part) for part in command], text=True, capture_output=True, timeout=120, **options)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def load(path):
    return yaml.safe_load(path.read_text())


@cache
def stampmill():
    """The program that is under test: `STAMPMILL_TEST_PROGRAM`, or what `cargo build --release` has made."""
    program = Path(os.environ.get("STAMPMILL_TEST_PROGRAM", TARGET / "release/stampmill"))
    assert program.is_file(), f"{program} is not there: run `cargo build --release -p stampmill` before"
    return program


@cache
def module(name, version):
    """The folder of a Go module, whose sum the go command checks. Schemas are read there, and nothing is built."""
    return Path(json.loads(run("go", "mod", "download", "-json", f"{name}@{version}", cwd="/"))["Dir"])


@cache
def kustomized(overlay):
    """The objects that `kubectl apply -k` sends; of a folder below docker/kubernetes, or of any."""
    tool = ["kubectl", "kustomize"] if shutil.which("kubectl") else [shutil.which("kustomize") or gopath_kustomize(), "build"]
    return [found for found in yaml.safe_load_all(run(*tool, DOCKER / "kubernetes" / overlay)) if found]


def gopath_kustomize():
    return Path(run("go", "env", "GOPATH").strip()) / "bin/kustomize"


def only(objects, kind, name=None):
    found = [each for each in objects if each["kind"] == kind and (name or each["metadata"]["name"]) == each["metadata"]["name"]]
    assert len(found) == 1, f"{len(found)} objects of kind {kind} and name {name}"
    return found[0]


def alerts():
    return [rule for group in load(MONITORING / "alerts.yaml")["groups"] for rule in group["rules"]]


def dashboard():
    return json.loads((MONITORING / "dashboard.json").read_text())


def panel_queries():
    """Title and expression, as Grafana asks with "All" chosen and a range of its own."""
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$pipeline", ".*").replace("$__rate_interval", "20s")


def metrics_in(expression):
    return set(re.findall(r"\bstampmill_\w+", expression))


def catalogue():
    """The metrics that the program says it has, with what histograms make of their names."""
    rows = re.findall(r"^\| `(stampmill_\w+)` \| (\w+) \|", next(ROOT.glob("docs/**/metrics.md")).read_text(), re.M)
    assert len(rows) > 30, "the table of metrics is not where it was"
    return {name + suffix for name, kind in rows for suffix in (["_bucket", "_sum", "_count"] if kind == "histogram" else [""])}
