"""Reports and workspaces: written by the stock wandb-workspaces, read by `wandb.Api()`, opened in a browser."""

from __future__ import annotations

from pathlib import Path

from tests.contract.server_fixtures import Environment, environ, graphql, project, run_program, server
from tests.contract.test_server_sdk import result_of
from tests.contract.test_web_pages import _HOSTILE, read
from trainer.server.lifecycle import ServerAddress

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
