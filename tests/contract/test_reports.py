"""Reports and workspaces: written by the stock wandb-workspaces, read by `wandb.Api()`, opened in a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.contract.server_fixtures import Environment, environ, graphql, project, run_program, server
from tests.contract.test_server_sdk import result_of
from tests.contract.test_web_pages import _HOSTILE, read
from trainer.records import SweepReference
from trainer.reports.facts import read_facts
from trainer.reports.wandb_report import SavedReport, save_wandb_report
from trainer.server.lifecycle import ServerAddress
from trainer.settings import Connection, ServerKind
from trainer.tracking.wandb_client import WandbClient

__all__ = ["environ", "project", "server"]

_WRITE = """
import json, sys, wandb
import wandb_workspaces.reports.v2 as wr
import wandb_workspaces.workspaces as ws
P, hostile = sys.argv[1], sys.argv[2]
api = wandb.Api()
api.create_project(P, "local")
sweep = wandb.sweep({"method": "grid", "parameters": {"lr": {"values": [0.1]}}}, project=P)
blocks = [
    wr.H1("First"), wr.P(["words ", wr.Link("sweep", url=api.sweep(f"local/{P}/{sweep}").url),
                          wr.Link("out", url="https://example.com/x"), wr.InlineCode("inline")]),
    wr.CodeBlock("lr: 0.1\\nmore: 2", language="yaml"),
    wr.MarkdownBlock("| a | b |\\n| --- | ---: |\\n| x\\\\_y | 2 |"),
    wr.MarkdownBlock(hostile), wr.UnorderedList(["one", hostile]), wr.HorizontalRule(), wr.TableOfContents(),
    wr.PanelGrid(
        runsets=[wr.Runset(entity="local", project=P, name="All", filters=f"Metric('Sweep') = '{sweep}'")],
        panels=[wr.LinePlot(x="Step", y=["acc"]), wr.ParameterImportancePlot(with_respect_to="acc"),
                wr.ParallelCoordinatesPlot(columns=[wr.ParallelCoordinatesPlotColumn(wr.Config("lr"))])]),
]
report = wr.Report(project=P, entity="local", title="The first", description=hostile, blocks=blocks).save()
first, url = report.id, report.url
again = wr.Report.from_url(url)
again.title = "The second"
again.save()
draft = wr.Report(project=P, entity="local", title="Later").save(draft=True)
gone = wr.Report(project=P, entity="local", title="Gone").save()
listed = [each.display_name for each in wandb.Api().reports(f"local/{P}")]
found, = [each for each in wandb.Api().reports(f"local/{P}", per_page=1) if each.id == first]
workspace = ws.Workspace(entity="local", project=P, name="Mine").save()
print("RESULT" + json.dumps({
    "url": url, "url_read": found.url, "listed": listed, "same": again.id == first, "user": found.user["username"],
    "blocks": [type(each).__name__ for each in again.blocks] == [type(each).__name__ for each in blocks],
    "filter": again.blocks[-1].runsets[0].filters, "sweep": sweep, "times": found.created_at < found.updated_at,
    "named": [each.id == first for each in wandb.Api().reports(f"local/{P}", name=found.name)],
    "deleted": gone.delete(), "draft": draft.url, "left": len(wandb.Api().reports(f"local/{P}")),
    "workspace": ws.Workspace.from_url(workspace.url).name, "shared": report.get_share_url(), "id": first}))
"""


def test_stock_reports_are_written_changed_read_deleted_and_open_in_a_browser(
    tmp_path: Path, environ: Environment, server: ServerAddress, project: str
) -> None:
    found = result_of(run_program(_WRITE, environ, tmp_path, project, _HOSTILE))
    assert found["listed"] == ["Gone", "The second"]
    assert (found["same"], found["blocks"], found["times"], found["deleted"]) == (True, True, True, True)
    assert found["named"] == [True]
    assert found["left"] == 1
    assert (found["user"], found["workspace"], found["shared"]) == ("local", "Mine", None)
    assert found["sweep"] in found["filter"]
    for url in (found["url"], found["url_read"]):
        page = read(server, url)
        for words in ("The second", "First", "lr: 0.1", "x_y", "one", _HOSTILE, "table-of-contents", "acc",
                      "config:lr.value", "https://example.com/x"):  # fmt: skip
            assert words in page.words, words
        assert page.links.count(f"/local/{project}/sweeps/{found['sweep']}") == 2
    assert "yes" in read(server, found["draft"]).words
    listed = read(server, f"{server.base_url}/local/{project}/reports")
    assert [link for link in listed.links if "/reports/" in link][0].startswith(
        f"/local/{project}/reports/The-second--"
    )
    assert "The second" in read(server, f"{server.base_url}/local/{project}").words
    for slug in ("The-second--VmlldzoxMDAwMDA", "x", "--", "a--%2B"):
        read(server, f"{server.base_url}/local/{project}/reports/{slug}", 404)
    change = (
        "mutation($id: ID, $n: String) { upsertView(input: {id: $id, displayName: $n}) { inserted view { spec } } }"
    )
    changed = graphql(server, change, id=found["id"], n="The third")["upsertView"]
    assert (changed["inserted"], "blocks" in changed["view"]["spec"]) == (False, True)


def test_a_sweeps_report_has_its_runs_and_panels_and_is_the_same_one_when_made_again(
    server: ServerAddress, project: str
) -> None:
    sweep = graphql(
        server,
        "mutation S($p: String!, $c: String!) { upsertSweep(input: {projectName: $p, config: $c}) { sweep { name } } }",
        p=project,
        c="name: a/b?\nmethod: grid\nmetric: {name: acc, goal: maximize}\nparameters:\n"
        "  lr: {values: [1, 2, 3]}\n  net: {parameters: {depth: {values: [4, 5]}}}",
    )["upsertSweep"]["sweep"]["name"]
    start = """mutation U($p: String!, $n: String!, $s: String!, $c: JSONString, $m: JSONString) { upsertBucket(input: {
      modelName: $p, name: $n, sweep: $s, config: $c, summaryMetrics: $m, state: "finished"}) { bucket { id } } }"""
    for lr in (1, 2, 3):
        config = {"lr": {"value": lr}, "net": {"value": {"depth": 4 + lr % 2}}}
        summary = {"acc": lr / 10, "loss": 1 - lr / 10}
        graphql(server, start, p=project, n=f"r{lr}", s=sweep, c=json.dumps(config), m=json.dumps(summary))
    connection = Connection(ServerKind.EMBEDDED, server.base_url, server.api_key, "local")
    client = WandbClient(connection)

    def save() -> SavedReport:
        record = client.read_sweep(SweepReference("local", project, sweep))
        runs = client.read_runs(record, record.metric)
        return save_wandb_report(connection, read_facts(client, record, runs, record.metric))

    def views() -> list[Any]:
        fields = 'allViews(viewType: "runs") { edges { node { id displayName description spec } } }'
        found = graphql(server, f"query($p: String!) {{ project(name: $p) {{ {fields} }} }}", p=project)
        return [edge["node"] for edge in found["project"]["allViews"]["edges"]]

    first = save()
    assert first.is_new
    (view,) = views()
    assert view["displayName"] == f"a b {sweep}"
    assert "Best acc (maximize, best value): 0.3" in view["description"]
    page = read(server, first.url)
    for words in ("Best configuration", "lr: 3", "config:net.value.depth", "Leaderboard", "Where this comes from"):
        assert words in page.words, words
    assert f"/local/{project}/sweeps/{sweep}" in page.links
    spec = json.loads(view["spec"])
    (grid,) = [block["metadata"] for block in spec["blocks"] if block["type"] == "panel-grid"]
    (run_set,) = grid["runSets"]
    (leaf,) = run_set["filters"]["filters"]
    assert (leaf["key"], leaf["value"]) == ({"section": "run", "name": "sweep"}, sweep)
    assert run_set["sort"]["keys"] == [{"key": {"section": "summary", "name": "acc"}, "ascending": False}]
    kinds = [panel["viewType"] for panel in grid["panelBankSectionConfig"]["panels"]]
    assert kinds == [
        "Run History Line Plot",
        "Parallel Coordinates Plot",
        "Parameter Importance",
        "Run History Line Plot",
    ]

    # What people change in the browser: the title, and text above and below the mark.
    spec["blocks"].insert(1, {"type": "paragraph", "children": [{"text": "above"}]})
    spec["blocks"].append({"type": "paragraph", "children": [{"text": "below"}]})
    change = """mutation($i: ID, $s: JSONString) { upsertView(input: {id: $i, displayName: "Mine", spec: $s}) {
      inserted } }"""
    graphql(server, change, i=view["id"], s=json.dumps(spec))
    graphql(server, start, p=project, n="r9", s=sweep, c='{"lr": {"value": 9}}', m=json.dumps({"acc": 0.9}))
    second = save()
    assert not second.is_new
    (view,) = views()
    assert (view["displayName"], "below" in view["spec"], "above" in view["spec"]) == ("Mine", True, False)
    assert "0.9" in view["description"]
    assert "below" in read(server, second.url).words
