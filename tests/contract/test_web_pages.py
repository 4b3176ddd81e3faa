"""The pages behind the addresses that the SDK prints: they open, are well made, and nothing hostile becomes markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from tests.contract.server_fixtures import Environment, environ, graphql, project, run_program, server
from tests.contract.test_server_sdk import result_of
from trainer.server.lifecycle import ServerAddress
from trainer.server.web_pages import markup

__all__ = ["environ", "project", "server"]

_HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=y>"
_WRITE = """
import json, pathlib, sys, wandb
P, hostile = sys.argv[1], sys.argv[2]
sweep = wandb.sweep({"method": "random", "run_cap": 3, "metric": {"name": "acc", "goal": "maximize"}, "name": hostile,
                     "parameters": {"lr": {"values": [0.1]}, "text": {"values": [hostile]}}}, project=P)
run = wandb.init(project=P, id="r", name=hostile, config={"lr": 0.1, hostile: hostile}, tags=["tag", "<i>"],
                 notes=hostile + "\\nsecond", group="g", job_type="j")
for step in range(30):
    sparse = {"sparse": step} if step % 7 == 0 else {}
    run.log({"acc": step / 10, f"a/{hostile}": -step, "late": 1e300 * step, **sparse})
print(hostile)
run.alert(hostile, hostile, level="WARN")
run.log({"table": wandb.Table(columns=["a"], data=[[1]])})
pathlib.Path("a b%25<i>.txt").write_text("saved")
run.save("a b%25<i>.txt")
artifact = wandb.Artifact("model", "model", description=hostile, metadata={hostile: hostile})
with artifact.new_file("we ights.bin") as file: file.write("weights")
artifact.add_reference("http://127.0.0.1:9/" + "x", checksum=False, name="<ref>")
run.log_artifact(artifact, aliases=["best"], tags=["t1"]).wait()
run.use_artifact(artifact)
linked = artifact.link(f"{P}/shelf")
registered = run.link_artifact(artifact, "wandb-registry-things/shelf")
run.finish(exit_code=1)
print("RESULT" + json.dumps({"run": run.url, "project": run.project_url, "sweep": wandb.Api().sweep(f"{P}/{sweep}").url,
      "artifact": artifact.url, "link": linked.url, "registry": registered.url}))
"""
_VOID = {"meta", "link", "br", "img", "input", "hr"}


class _Page(HTMLParser):
    """Reads a page and notes what is wrong with it."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.headings: list[str] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(source)
        self.close()
        self.faults += [f"<{tag}> is not closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "img", "iframe", "form", "object", "embed", "base"):
            self.faults.append(f"<{tag}> is not allowed")
        self.faults += [f"{name} on <{tag}>" for name in given if name.startswith("on") or name == "style"]
        if tag == "th" and not given.get("scope"):
            self.faults.append("<th> without scope")
        if tag == "html" and given.get("lang") != "en":
            self.faults.append("no language")
        if tag == "a":
            self.links.append(given.get("href") or "")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(tag)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.faults += [f"{name} on <{tag}>" for name, _ in attrs if name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    def handle_data(self, data: str) -> None:
        self.words += data


def read(server: ServerAddress, url: str, status: int = 200) -> _Page:
    """Open a page as a browser does, and check what holds for every page."""
    reply = requests.get(url, auth=("api", server.api_key), headers={"Accept": "text/html"}, timeout=30)
    assert reply.status_code == status, f"{url}: {reply.status_code} {reply.text[:300]}"
    page = _Page(reply.text)
    assert page.faults == [], url
    assert page.headings[0] == "h1"
    assert page.headings.count("h1") == 1
    assert len(page.ids) == len(set(page.ids))
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script" not in policy
    assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in page.links), page.links
    assert server.api_key not in reply.text
    return page


def test_every_address_that_the_sdk_prints_opens_and_nothing_hostile_becomes_markup(
    tmp_path: Path, environ: Environment, server: ServerAddress, project: str
) -> None:
    urls: dict[str, str] = result_of(run_program(_WRITE, environ, tmp_path, project, _HOSTILE))
    pages = {name: read(server, url) for name, url in urls.items()}
    for name in ("run", "project", "sweep", "artifact"):
        assert _HOSTILE in pages[name].words, name
    for part in ("failed", "acc", "sparse", "a/", "lr", "second", "tag", "Console", "warn", "model:v0", "Exit code"):
        assert part in pages["run"].words
    assert {"metrics", "config", "summary", "logs", "files", "artifacts", "used", "alerts"} <= set(pages["run"].ids)
    assert "are over" in pages["sweep"].words
    assert f"wandb agent local/{project}" in pages["sweep"].words
    for part in ("best", "t1", "we ights.bin", "<ref>", "http://127.0.0.1:9/x", "7 B", "shelf:v0"):
        assert part in pages["artifact"].words
    assert "shelf" in pages["link"].words
    assert "shelf" in pages["registry"].words

    # Every link of every page leads somewhere, and files come as they were saved.
    links = {link for page in pages.values() for link in page.links}
    for link in sorted(links):
        reply = requests.get(server.base_url + link, auth=("api", server.api_key), timeout=30)
        assert reply.status_code == 200, link
        if "/storage/" in link:
            assert reply.headers["Content-Security-Policy"] == "sandbox"
    (saved,) = (link for link in pages["run"].links if "/storage/" in link and quote("a b%25<i>.txt") in link)
    assert requests.get(server.base_url + saved, timeout=30).text == "saved"


def test_tabs_and_lists_open_and_what_is_not_here_says_so(server: ServerAddress, project: str) -> None:
    start = """mutation U($p: String!, $n: String!) {
      upsertBucket(input: {modelName: $p, name: $n}) { bucket { id } } }"""
    for number in range(103):
        graphql(server, start, p=project, n=f"run{number}")
    base = server.base_url
    for path in ("", "/home", "/authorize", "/login", "/settings", "/profile", "/local", "/local/projects"):
        read(server, base + path)
    for path in ("/workspace", "/table", "/reports", "/overview", "/sweeps", "/artifacts", "/runs", "/runs/run5/logs",
                 "/runs/run5/files/media/x", "/runs/run5/overview", "/runs/run5/artifacts"):  # fmt: skip
        read(server, f"{base}/local/{project}{path}")
    assert "sweep-tui env" in read(server, f"{base}/authorize").words
    for path in ("/runs/none", "/sweeps/none", "/nowhere", "/artifacts/model/none/v0", "/artifacts/none"):
        read(server, f"{base}/local/{project}{path}", 404)
    for path in ("/local/none", "/nobody", "/a/b/c/d/e/f", "/%3Cscript%3E/x", "/x%00/y", "/orgs/local/registry/model"):
        read(server, base + path, 404)
    first, second = (read(server, f"{base}/local/{project}{query}") for query in ("", "?page=2"))
    shown = [[link for link in page.links if "/runs/" in link] for page in (first, second)]
    assert [len(links) for links in shown] == [100, 3]
    assert len(set(shown[0]) | set(shown[1])) == 103
    for strange in ("0", "-1", "x", "99999999999", "9999999"):
        read(server, f"{base}/local/{project}?page={strange}")


def test_a_project_with_a_space_opens_as_the_sdk_writes_it(server: ServerAddress, project: str) -> None:
    made = graphql(
        server,
        "mutation S($p: String!, $c: String!) { upsertSweep(input: {projectName: $p, config: $c}) { sweep { name } } }",
        p=f"{project} two",
        c="method: random\nparameters: {a: {values: [1]}}",
    )
    path = f"local/{project} two/{made['upsertSweep']['sweep']['name']}"
    # `wandb.Api().sweep(...).url` has a plus for a space (SDK 0.31), `run.url` has %20; a plus may also be a plus.
    for space in ("+", "%20"):
        page = read(server, f"{server.base_url}/{path.replace(' ', space).replace('two/', 'two/sweeps/')}")
        assert f"wandb agent '{path}'" in page.words
    start = 'mutation U($p: String!) { upsertBucket(input: {modelName: $p, name: "r"}) { bucket { id } } }'
    graphql(server, start, p=f"{project}+two")
    assert "Runs (1)" in read(server, f"{server.base_url}/local/{project}+two").words


def test_a_browser_without_the_key_is_told_where_it_is(server: ServerAddress) -> None:
    reply = requests.get(f"{server.base_url}/local/p/runs/r", headers={"Accept": "text/html,*/*"}, timeout=10)
    assert reply.status_code == 401
    assert reply.headers["WWW-Authenticate"].startswith("Basic ")
    page = _Page(reply.text)
    assert page.faults == []
    assert "sweep-tui env" in page.words
    assert "'none'" in reply.headers["Content-Security-Policy"]


def _luminance(colour: str) -> float:
    digits = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("palette", [0, 1], ids=["light", "dark"])
def test_text_stands_out_from_what_it_is_on(palette: int) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1 for text."""
    found = re.findall(r":root\{(.*?)\}", markup._STYLE, re.DOTALL)[palette]
    colours = dict(re.findall(r"--(\w+):#(\w+)", found))
    for back in ("back", "card"):
        for fore in ("fore", "dim", "link", "good", "bad", "warn"):
            light, dark = sorted((_luminance(colours[fore]), _luminance(colours[back])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (fore, back)
